// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_column.h"

#include "ui/architecture/stack_cells.h"
#include "ui/architecture/stack_colors.h"
#include "ui/architecture/stack_text.h"
#include "ui/plot_theme.h"

#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QPainter>
#include <QToolButton>
#include <QVBoxLayout>

namespace attnscope {

namespace {

constexpr int kSwatch = 12;

QToolButton* button(const QString& text, const QString& tip, QWidget* parent)
{
    auto* made = new QToolButton(parent);
    made->setText(text);
    made->setToolTip(tip);
    made->setAccessibleName(tip);
    made->setAutoRaise(true);
    return made;
}

} // namespace

StackColumn::StackColumn(QWidget* parent)
    : QFrame(parent),
      m_swatch(new QLabel(this)),
      m_name(new QLabel(this)),
      m_caption(new QLabel(this)),
      m_reset(button(tr("Reset"), tr("As the file says"), this)),
      m_cells(new StackCells(this)),
      m_facts(new QGridLayout)
{
    constexpr int kNarrowest = 240;
    setMinimumWidth(kNarrowest);
    setFrameShape(QFrame::StyledPanel);
    QFont bold = m_name->font();
    bold.setBold(true);
    m_name->setFont(bold);
    m_name->setTextFormat(Qt::PlainText);
    m_name->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_caption->setWordWrap(true);
    m_caption->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* close = button(QStringLiteral("✕"), tr("Take this architecture away"), this);
    auto* head = new QHBoxLayout;
    head->addWidget(m_swatch);
    head->addWidget(m_name, 1);
    head->addWidget(m_reset);
    head->addWidget(close);
    m_facts->setContentsMargins(0, 0, 0, 0);
    m_facts->setHorizontalSpacing(10);
    m_facts->setVerticalSpacing(1);
    m_facts->setColumnStretch(1, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(8, 4, 8, 6);
    layout->setSpacing(4);
    layout->addLayout(head);
    layout->addWidget(m_caption);
    layout->addWidget(m_cells);
    layout->addLayout(m_facts);
    layout->addStretch(1);
    connect(close, &QToolButton::clicked, this, &StackColumn::removeRequested);
    connect(m_reset, &QToolButton::clicked, this, &StackColumn::resetRequested);
}

QString StackColumn::caption() const { return m_caption->text(); }

void StackColumn::setEntry(const StackEntry& entry, std::size_t at)
{
    m_at = at;
    const bool changed = isChanged(entry);
    const QString name = QString::fromStdString(entry.shown.name);
    m_name->setText(changed ? tr("%1 (changed)").arg(name) : name);
    m_name->setToolTip(entry.path.empty() ? name : name + QLatin1Char('\n') + QString::fromStdString(entry.path));
    m_reset->setVisible(changed);
    m_caption->setText(QString::fromStdString(attnscope::caption(entry.shown)));
    m_cells->setArchitecture(entry.shown);
    showSwatch();
    showFacts(entry.shown);
}

void StackColumn::showSwatch()
{
    QPixmap pixmap(kSwatch, kSwatch);
    pixmap.fill(architectureColor(m_at, plotTheme(palette())));
    m_swatch->setPixmap(pixmap);
}

void StackColumn::showFacts(const Architecture& architecture)
{
    while (QLayoutItem* item = m_facts->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    int row = 0;
    for (const Fact& fact : factsOf(architecture)) {
        auto* label = new QLabel(fact.label, this);
        auto* value = new QLabel(fact.value, this);
        label->setForegroundRole(QPalette::PlaceholderText);
        value->setTextFormat(Qt::PlainText);
        value->setTextInteractionFlags(Qt::TextSelectableByMouse);
        value->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
        value->setToolTip(fact.value + QLatin1Char('\n') + fact.tip);
        m_facts->addWidget(label, row, 0);
        m_facts->addWidget(value, row++, 1);
    }
}

void StackColumn::setCurrent(bool current)
{
    m_current = current;
    update();
}

void StackColumn::paintEvent(QPaintEvent* event)
{
    QFrame::paintEvent(event);
    if (!m_current)
        return;
    QPainter painter(this);
    painter.setPen(QPen(plotTheme(palette()).accent, 2));
    painter.drawRect(rect().adjusted(1, 1, -1, -1));
}

void StackColumn::mousePressEvent(QMouseEvent* event)
{
    Q_EMIT chosen();
    QFrame::mousePressEvent(event);
}

void StackColumn::changeEvent(QEvent* event)
{
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        showSwatch();
}

} // namespace attnscope
