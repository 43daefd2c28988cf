// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/main_window.h"

#include "ui/architecture/architecture_link.h"
#include "ui/autosave.h"
#include "ui/board.h"
#include "ui/board_commands.h"
#include "ui/board_toolbar.h"
#include "ui/compute_view.h"
#include "ui/dock_steps.h"
#include "ui/file_commands.h"
#include "ui/head_grid.h"
#include "ui/help_commands.h"
#include "ui/input_panel.h"
#include "ui/jobs_panel.h"
#include "ui/latency_panel.h"
#include "ui/layout_control.h"
#include "ui/methods_panel.h"
#include "ui/plot_theme.h"
#include "ui/range_control.h"
#include "ui/recent_files_menu.h"
#include "ui/recovery_bar.h"
#include "ui/resources.h"
#include "ui/session_controller.h"
#include "ui/session_desk.h"
#include "ui/session_view.h"
#include "ui/text_tools.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QCloseEvent>
#include <QDockWidget>
#include <QFileInfo>
#include <QLabel>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QStatusBar>
#include <QStyle>

namespace attnscope {

constexpr int kViewMenu = 2; // after File and Edit
constexpr int kMeasureMenu = 4;

MainWindow::MainWindow(std::vector<const Backend*> backends, std::string cudaNote)
    : m_backends(std::move(backends)),
      m_actions(this),
      m_controller(new SessionController({}, this, m_backends)),
      m_panels(makePanels(*this, m_controller->jobs(), m_backends, cudaNote)),
      m_toolbar(new BoardToolbar(m_actions, this)),
      m_status(new QLabel(this)),
      m_busy(new QLabel(this)),
      m_recent(new RecentFilesMenu(RecentFilesMenu::Kind::Files, m_settings, this)),
      m_architectures(new ArchitectureLink(m_actions, *m_controller, m_settings, *this))
{
    setWindowTitle(tr("Attnscope"));
    setAcceptDrops(true);
    resize(fittingSize(*this));
    addToolBar(m_toolbar);
    m_actions.fillMenus(*menuBar());
    menuBar()->actions().first()->menu()->insertMenu(m_actions[Command::OpenSession], m_recent);
    statusBar()->addWidget(m_status, 1);
    statusBar()->addPermanentWidget(m_busy);
    new SessionView(*m_controller, m_panels, *m_toolbar, *m_status, this);
    new TextTools(*m_controller, m_panels, m_actions, this);
    new RangeControl(*m_controller, *m_panels.board, m_actions, *m_toolbar, this);
    new ComputeView(*m_controller, {*m_panels.jobs, *m_panels.latency, *statusBar(), *menuBar()->actions().at(kMeasureMenu)->menu()},
                    cudaNote, this);
    connect(m_controller, &SessionController::failed, this, &MainWindow::showFailure);
    connect(m_controller, &SessionController::jobsChanged, this, &MainWindow::showJobs);
    connect(m_controller, &SessionController::documentChanged, this, &MainWindow::rememberFile);
    connect(m_recent, &RecentFilesMenu::chosen, this, &MainWindow::open);
    connectCommands();
    connectHelpCommands({m_actions, m_panels, *m_controller, *this});
    connectDialogs();
    connectNavigation();
    setTheme(m_settings.theme());
    restoreGeometry(m_settings.windowGeometry());
    connectSession();
    m_panels.board->setFocus();
}

MainWindow::~MainWindow() = default;

void MainWindow::open(const QString& path) { openAll({path}); }

void MainWindow::openAll(const QStringList& paths)
{
    const QStringList rest = m_architectures->take(paths);
    for (const QString& path : paths)
        if (!rest.contains(path) && QFileInfo(path).isFile())
            m_recent->add(QFileInfo(path).absoluteFilePath());
    if (!rest.isEmpty())
        m_controller->openPath(QFileInfo(rest.first()).absoluteFilePath());
}

void MainWindow::offerLeftovers()
{
    if (auto leftovers = claimLeftovers(autosaveFolder()); !leftovers.empty()) {
        addToolBarBreak();
        addToolBar(new RecoveryBar(std::move(leftovers), *m_controller, this));
    }
}

// No step and no change: nothing is kept of a window that was only looked at.
void MainWindow::openExample()
{
    const QString file = resourcePath(QStringLiteral("samples/example_session.json"));
    if (const auto session = loadSession(file.toStdString()))
        m_controller->restore(*session);
    else
        open(file);
}

void MainWindow::on(Command command, const std::function<void()>& call) { connect(m_actions[command], &QAction::triggered, this, call); }

void MainWindow::connectCommands()
{
    on(Command::PasteText, [this] {
        if (const QString text = QApplication::clipboard()->text(); !text.isEmpty())
            m_controller->openText(text);
    });
    on(Command::Reload, [this] { m_controller->reload(); });
    on(Command::CopyPane, [this] { m_status->setText(copyPane(m_panels)); });
    on(Command::Quit, [this] { close(); });
    on(Command::Measure, [this] {
        m_panels.latencyDock->raise();
        m_panels.latency->start();
    });
    on(Command::CancelJobs, [this] { m_controller->cancelAll(); });
    on(Command::ThemeSystem, [this] { setTheme(Theme::System); });
    on(Command::ThemeLight, [this] { setTheme(Theme::Light); });
    on(Command::ThemeDark, [this] { setTheme(m_settings.theme() == Theme::Dark ? Theme::Light : Theme::Dark); });
    on(Command::ChooseMethod, [this] { m_panels.methods->chooseMethod(m_controller->session().selected); });
    on(Command::AddMethod, [this] { m_panels.methods->chooseAnother(); });
}

void MainWindow::connectSession()
{
    m_layouts = new LayoutControl(*this, *m_controller, m_settings, m_actions, m_panels);
    m_desk = new SessionDesk({*this, *m_controller, m_settings, m_actions, m_panels, *m_layouts});
    auto* steps = new DockSteps(*this, *m_controller, *m_panels.heads, m_desk->history());
    on(Command::ResetLayout, [this, steps] { steps->reset(*m_layouts); });
    menuBar()->actions().at(kViewMenu)->menu()->insertMenu(m_actions[Command::ThemeSystem], m_layouts->panelsMenu());
    menuBar()->actions().first()->menu()->insertMenu(m_actions[Command::SaveSession], &m_desk->recent());
    connect(&m_desk->recent(), &RecentFilesMenu::chosen, this, &MainWindow::open);
}

void MainWindow::connectDialogs()
{
    const auto chooseFile = [this] {
        if (const QString path = askForInput(*this, m_settings); !path.isEmpty())
            open(path);
    };
    const auto chooseModel = [this] {
        if (const QString folder = askForModel(*this, m_settings); !folder.isEmpty())
            m_controller->edit([&](Session& s) { s.input.model = folder.toStdString(); });
    };
    on(Command::Open, chooseFile);
    on(Command::OpenSession, chooseFile);
    on(Command::OpenModel, chooseModel);
    connect(m_panels.input, &InputPanel::modelRequested, this, chooseModel);
    connect(m_panels.input, &InputPanel::sampleChosen, this, &MainWindow::open);
    on(Command::ExportFigure, [this] { exportFigures(*this, m_settings, *m_controller, m_panels); });
    on(Command::Print, [this] { printBoard(*this, *m_controller, m_panels); });
    on(Command::ExportData, [this] { exportData(*this, m_settings, *m_controller, m_panels); });
}

void MainWindow::connectNavigation()
{
    connectBoardCommands(m_actions, *m_panels.board, *m_controller);
    on(Command::HeadGrid, [this] { toggleHeadGrid(m_panels, *this); });
    on(Command::HeadOrder, [this] { m_panels.heads->nextOrder(); });
    connect(m_panels.heads, &HeadGrid::activated, this, [this] {
        if (m_panels.headsDock->isFloating())
            toggleHeadGrid(m_panels, *this);
    });
    on(Command::ClearPin, [this] { m_controller->edit([](Session& s) { s.view.unpin(); }); });
    on(Command::PreviousHead, [this] { m_controller->step(0, -1); });
    on(Command::NextHead, [this] { m_controller->step(0, 1); });
    on(Command::PreviousLayer, [this] { m_controller->step(-1, 0); });
    on(Command::NextLayer, [this] { m_controller->step(1, 0); });
    on(Command::PreviousMethod, [this] { m_controller->stepMethod(-1); });
    on(Command::NextMethod, [this] { m_controller->stepMethod(1); });
    on(Command::ToggleCausal, [this] { m_controller->edit([on = !m_controller->causal()](Session& s) { s.causal = on; }); });
}

void MainWindow::showJobs()
{
    m_panels.jobs->refresh();
    const auto jobs = m_controller->jobs().jobs();
    m_busy->setText(
        jobs.empty()
            ? QString()
            : tr("%1 … %2 %").arg(QString::fromStdString(jobs.front().title)).arg(static_cast<int>(100.0 * jobs.front().progress)));
}

void MainWindow::showFailure(const QString& what, const QString& hint)
{
    auto* box = new QMessageBox(QMessageBox::Warning, tr("Attnscope"), what, QMessageBox::Ok, this);
    box->setInformativeText(hint);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->open();
}

void MainWindow::setTheme(Theme theme)
{
    m_settings.setTheme(theme);
    const QPalette system = QApplication::style()->standardPalette();
    QApplication::setPalette(theme == Theme::Light ? lightPalette() : theme == Theme::Dark ? darkPalette() : system);
}

void MainWindow::rememberFile()
{
    if (const auto& path = m_controller->session().input.path; !path.empty())
        m_recent->add(QString::fromStdString(path));
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event)
{
    if (event->mimeData()->hasUrls() || event->mimeData()->hasText())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event)
{
    QStringList paths;
    for (const QUrl& url : event->mimeData()->urls())
        paths += url.toLocalFile();
    if (paths.isEmpty())
        m_controller->openText(event->mimeData()->text());
    else
        openAll(paths);
    event->acceptProposedAction();
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    if (!m_desk->mayClose())
        return event->ignore();
    m_settings.setWindowGeometry(saveGeometry());
    m_layouts->keep();
    QMainWindow::closeEvent(event);
}

} // namespace attnscope
