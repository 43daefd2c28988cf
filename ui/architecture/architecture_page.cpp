// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/architecture_page.h"

#include "core/stack/stack_help.h"
#include "ui/architecture/architecture_controls.h"
#include "ui/architecture/architecture_file_menu.h"
#include "ui/architecture/architecture_files.h"
#include "ui/architecture/bundled_architectures.h"
#include "ui/architecture/message_strip.h"
#include "ui/architecture/stack_cells.h"
#include "ui/architecture/stack_column.h"
#include "ui/architecture/stack_designer.h"
#include "ui/architecture/stack_legend.h"
#include "ui/architecture/stack_pages.h"
#include "ui/architecture/stack_plot.h"
#include "ui/help_window.h"
#include "ui/settings.h"
#include "ui/window_panels.h"

#include <QAction>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMenu>
#include <QMimeData>
#include <QScrollArea>
#include <QSplitter>
#include <QTabWidget>
#include <QTextBrowser>
#include <QToolButton>
#include <QVBoxLayout>

namespace attnscope {

namespace {

constexpr QSize kWanted(1320, 860);

QScrollArea* scrolled(QWidget* content, QWidget* parent)
{
    auto* area = new QScrollArea(parent);
    area->setWidgetResizable(true);
    area->setFrameShape(QFrame::NoFrame);
    area->setWidget(content);
    return area;
}

/// What differs besides the mixer, where published figures stand on the plots.
QString markNote(const StackAnswer& answer)
{
    QStringList notes;
    for (const auto* marks : {&answer.prefillMarks, &answer.decodeMarks})
        for (const auto& mark : *marks)
            if (const QString note = QString::fromStdString(mark.published.differs); !notes.contains(note))
                notes += note;
    for (qsizetype i = notes.size() - 1; i >= 0; --i) // one that another one goes on from
        for (qsizetype j = 0; j < notes.size(); ++j)
            if (i != j && notes[j].startsWith(notes[i])) {
                notes.removeAt(i);
                break;
            }
    return notes.isEmpty() ? QString() : QObject::tr("\nPublished figures (stars): ") + notes.join(QLatin1Char(' '));
}

QLabel* textLabel(QWidget* parent)
{
    auto* label = new QLabel(parent);
    label->setWordWrap(true);
    label->setTextFormat(Qt::PlainText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    return label;
}

} // namespace

ArchitecturePage::ArchitecturePage(JobQueue& jobs, Settings& settings, QWidget* parent)
    : QWidget(parent, Qt::Window),
      m_settings(settings),
      m_set(new ArchitectureSet(jobs, this)),
      m_message(new MessageStrip(this)),
      m_legend(new StackLegend(this)),
      m_row(nullptr),
      m_empty(textLabel(this)),
      m_plot(new StackPlot(this)),
      m_designer(new StackDesigner(*m_set, this)),
      m_design(new QToolButton(this)),
      m_note(textLabel(this)),
      m_numbers(new QTextBrowser(this)),
      m_decisions(new QTextBrowser(this)),
      m_published(new QTextBrowser(this)),
      m_tabs(nullptr)
{
    setWindowTitle(tr("Architectures"));
    setAcceptDrops(true);
    resize(kWanted.boundedTo(fittingSize(*this)));
    auto* splitter = new QSplitter(Qt::Vertical, this);
    splitter->addWidget(makeStacks());
    auto* below = new QWidget(splitter);
    auto* row = new QHBoxLayout(below);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(makeTabs(), 1);
    row->addWidget(m_designer);
    splitter->addWidget(below);
    splitter->setChildrenCollapsible(false);
    splitter->setSizes({330, 480});
    splitter->setStretchFactor(0, 2);
    splitter->setStretchFactor(1, 3);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->setSpacing(5);
    layout->addWidget(makeBar());
    layout->addWidget(m_message);
    layout->addWidget(splitter, 1);
    connect(m_set, &ArchitectureSet::entriesChanged, this, &ArchitecturePage::showEntries);
    connect(m_set, &ArchitectureSet::answered, this, &ArchitecturePage::showAnswer);
    connect(m_set, &ArchitectureSet::asked, this, &ArchitecturePage::showAsking);
    connect(m_set, &ArchitectureSet::failed, this, [this](const QString& what, const QString& hint) {
        m_note->clear();
        say(what + QLatin1Char(' ') + hint);
    });
    connect(m_designer, &StackDesigner::layerChosen, this, &ArchitecturePage::showSelection);
    connect(m_designer, &StackDesigner::refused, this, &ArchitecturePage::say);
    showEntries();
    setDesigning(false);
}

QWidget* ArchitecturePage::makeBar()
{
    auto* bar = new QWidget(this);
    auto* layout = new QHBoxLayout(bar);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(makeAddButton());
    layout->addWidget(new ArchitectureControls(*m_set, bar), 12);
    layout->addStretch(1);
    m_design->setText(tr("Design"));
    m_design->setCheckable(true);
    m_design->setToolTip(tr("Change layers, pattern and sizes: drag layers, or click one; all numbers follow"));
    connect(m_design, &QToolButton::toggled, this, &ArchitecturePage::setDesigning);
    layout->addWidget(m_design);
    layout->addWidget(makeFileButton());
    auto* help = new QToolButton(this);
    help->setText(QStringLiteral("?"));
    help->setToolTip(tr("How these numbers come about, with a worked example"));
    connect(help, &QToolButton::clicked, this, [this] {
        const QString text = QString::fromStdString(stackHelp()).toHtmlEscaped();
        HelpWindow::of(*this).showText(tr("Architectures"), QStringLiteral("<pre>%1</pre>").arg(text));
    });
    layout->addWidget(help);
    return bar;
}

QToolButton* ArchitecturePage::makeFileButton()
{
    auto* button = new QToolButton(this);
    button->setText(tr("Save, export"));
    button->setPopupMode(QToolButton::InstantPopup);
    auto* menu = new ArchitectureFileMenu(*m_set, *m_plot, m_settings, this);
    connect(menu, &ArchitectureFileMenu::opened, this, &ArchitecturePage::open);
    connect(menu, &ArchitectureFileMenu::failed, this, &ArchitecturePage::say);
    button->setMenu(menu);
    return button;
}

bool ArchitecturePage::isDesigning() const { return m_design->isChecked(); }

void ArchitecturePage::setDesigning(bool designing)
{
    m_design->setChecked(designing);
    m_designer->setVisible(designing);
    for (auto* column : m_columns)
        column->cells().setEditable(designing);
    showSelection();
}

void ArchitecturePage::showSelection()
{
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        const bool current = isDesigning() && m_designer->architecture() == i;
        m_columns[i]->setCurrent(current);
        m_columns[i]->cells().setSelected(current ? m_designer->layer() : std::nullopt);
    }
}

QToolButton* ArchitecturePage::makeAddButton()
{
    auto* button = new QToolButton(this);
    button->setText(tr("Add"));
    button->setToolTip(tr("Another architecture beside these: a config.json, or one that comes with the program"));
    button->setPopupMode(QToolButton::InstantPopup);
    auto* menu = new QMenu(button);
    auto* file = menu->addAction(tr("&Open config.json…"), this, &ArchitecturePage::askForFiles);
    file->setShortcut(QKeySequence::Open);
    addAction(file);
    menu->addSeparator();
    for (const auto& bundled : bundledArchitectures())
        menu->addAction(bundled.title, this, [this, path = bundled.path] { open({path}); });
    button->setMenu(menu);
    return button;
}

QWidget* ArchitecturePage::makeStacks()
{
    auto* stacks = new QWidget(this);
    auto* columns = new QWidget(stacks);
    m_row = new QHBoxLayout(columns);
    m_row->setContentsMargins(0, 0, 0, 0);
    m_empty->setAlignment(Qt::AlignCenter);
    m_empty->setText(tr("Drop a model's config.json here, or choose one that comes with the program under “Add”."));
    m_row->addWidget(m_empty, 1);
    auto* layout = new QVBoxLayout(stacks);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(3);
    layout->addWidget(scrolled(columns, stacks), 1);
    layout->addWidget(m_legend);
    return stacks;
}

QWidget* ArchitecturePage::makeTabs()
{
    auto* curves = new QWidget(this);
    auto* layout = new QVBoxLayout(curves);
    layout->setContentsMargins(4, 4, 4, 4);
    layout->addWidget(m_plot, 1);
    layout->addWidget(m_note);
    m_note->setForegroundRole(QPalette::PlaceholderText);
    m_tabs = new QTabWidget(this);
    m_tabs->addTab(curves, tr("Against length"));
    m_tabs->addTab(m_numbers, tr("In numbers"));
    m_tabs->addTab(m_decisions, tr("Which to choose"));
    m_tabs->addTab(m_published, tr("Published"));
    for (auto* browser : {m_numbers, m_decisions, m_published}) {
        browser->setFrameShape(QFrame::NoFrame);
        browser->setOpenLinks(false);
    }
    connect(m_tabs, &QTabWidget::currentChanged, this, &ArchitecturePage::showTab);
    const auto studies = publishedStudies();
    m_published->setHtml(studies ? publishedPage(*studies) : QString::fromStdString(studies.error().what));
    connect(m_published, &QTextBrowser::anchorClicked, this, [this](const QUrl& link) { showStudy(link.path()); });
    return m_tabs;
}

void ArchitecturePage::say(const QString& message) { m_message->setText(message); }

QString ArchitecturePage::message() const { return m_message->text(); }

void ArchitecturePage::open(const QStringList& paths)
{
    QStringList refused;
    for (const QString& path : paths)
        if (const auto added = m_set->add(QFileInfo(path).absoluteFilePath()); !added)
            refused += QString::fromStdString(added.error().what + " " + added.error().hint);
    m_message->setText(refused.join(QLatin1Char('\n')));
}

void ArchitecturePage::present()
{
    if (m_set->entries().empty() && m_message->text().isEmpty())
        open({bundledArchitecture(QStringLiteral("jamba-v0.1")), bundledArchitecture(QStringLiteral("nemotron-h-8b")),
              bundledArchitecture(QStringLiteral("llama-3.1-8b"))});
    show();
    raise();
    activateWindow();
}

void ArchitecturePage::askForFiles()
{
    const QStringList paths =
        QFileDialog::getOpenFileNames(this, tr("Open a model's config.json"), m_settings.lastFolder(), tr("JSON (*.json);;All files (*)"));
    if (paths.isEmpty())
        return;
    m_settings.setLastFolder(QFileInfo(paths.first()).absolutePath());
    open(paths);
}

void ArchitecturePage::connectColumn(StackColumn& column, std::size_t index)
{
    connect(
        &column, &StackColumn::removeRequested, this, [this, index] { m_set->remove(index); }, Qt::QueuedConnection);
    connect(&column, &StackColumn::resetRequested, this, [this, index] { m_set->reset(index); });
    connect(&column.cells(), &StackCells::clicked, this, [this, index](qint64 layer) { layerClicked(index, layer); });
    connect(&column, &StackColumn::chosen, this, [this, index] {
        if (isDesigning())
            m_designer->choose(index, {});
    });
    connect(&column.cells(), &StackCells::moved, m_designer, [this, index](qint64 from, qint64 to) { m_designer->move(index, from, to); });
    column.cells().setEditable(isDesigning());
}

void ArchitecturePage::showEntries()
{
    const auto& entries = m_set->entries();
    while (m_columns.size() > entries.size()) {
        delete m_columns.back();
        m_columns.pop_back();
    }
    while (m_columns.size() < entries.size()) {
        m_columns.push_back(new StackColumn(this));
        connectColumn(*m_columns.back(), m_columns.size() - 1);
        m_row->addWidget(m_columns.back(), 1);
    }
    std::vector<Architecture> shown;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        m_columns[i]->setEntry(entries[i], i);
        shown.push_back(entries[i].shown);
    }
    showSelection();
    m_empty->setVisible(entries.empty());
    m_legend->setArchitectures(std::move(shown));
}

void ArchitecturePage::showAnswer()
{
    const StackAnswer& answer = m_set->answer();
    m_plot->setAnswer(answer);
    m_note->setText(stackCaption(answer) + markNote(answer));
    showTab();
}

/// Texts are made when they are looked at: while a layer is dragged, only the plots follow.
void ArchitecturePage::showTab()
{
    if (m_tabs->currentWidget() == m_numbers)
        m_numbers->setHtml(numbersPage(m_set->answer()));
    if (m_tabs->currentWidget() == m_decisions)
        m_decisions->setHtml(decisionPage(m_set->answer()));
}

void ArchitecturePage::showAsking()
{
    if (m_set->choice().card == "measured" && (m_set->answer().card.name != "measured" || m_set->isMeasuring()))
        m_note->setText(tr("Measuring the kernels of this machine; where they aren't known yet this takes some seconds…"));
}

void ArchitecturePage::showStudy(const QString& id)
{
    const auto studies = publishedStudies();
    if (!studies)
        return say(QString::fromStdString(studies.error().what));
    for (const auto& study : *studies) {
        if (study.id != id.toStdString())
            continue;
        StackSession session;
        session.choice = m_set->choice();
        for (const auto& name : architecturesOf(study))
            if (const auto read = openStackFile(bundledArchitecture(QString::fromStdString(name))))
                session.entries.push_back(read->entries.front());
        session.choice.dtype.clear();
        session.choice.question.batch = std::max(1.0, study.batch);
        session.choice.question.scenario = study.quantity == "prefill and decode" ? Scenario::Generate : Scenario::Prompt;
        for (const auto& name : cardNames())
            if (const auto card = findCard(name); card && card->title.find(study.hardware) != std::string::npos)
                session.choice.card = name; // of two the later by name: what a run reached, rather than the datasheet
        m_set->replaceAll(std::move(session.entries), session.choice);
        m_tabs->setCurrentIndex(0);
    }
}

void ArchitecturePage::layerClicked(std::size_t index, Index layer)
{
    if (isDesigning())
        return m_designer->choose(index, layer);
    const auto& layers = m_set->entries()[index].shown.layers;
    if (const auto& recurrent = layers[static_cast<std::size_t>(layer)].recurrent)
        Q_EMIT mixerChosen(QString::fromStdString(recurrent->method));
}

void ArchitecturePage::dragEnterEvent(QDragEnterEvent* event)
{
    if (event->mimeData()->hasUrls())
        event->acceptProposedAction();
}

void ArchitecturePage::dropEvent(QDropEvent* event)
{
    QStringList paths;
    for (const QUrl& url : event->mimeData()->urls())
        if (url.isLocalFile())
            paths += url.toLocalFile();
    open(paths);
    event->acceptProposedAction();
}

} // namespace attnscope
