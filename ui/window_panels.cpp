// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window_panels.h"

#include "ui/advice_panel.h"
#include "ui/board.h"
#include "ui/head_grid.h"
#include "ui/help_page.h"
#include "ui/input_panel.h"
#include "ui/jobs_panel.h"
#include "ui/latency_panel.h"
#include "ui/machine_panel.h"
#include "ui/map_strip.h"
#include "ui/methods_panel.h"
#include "ui/metrics_model.h"
#include "ui/row_plot.h"
#include "ui/text_panel.h"
#include "ui/theory_panel.h"

#include <QDockWidget>
#include <QGridLayout>
#include <QHeaderView>
#include <QMainWindow>
#include <QScreen>
#include <QScrollArea>
#include <QScrollBar>
#include <QSplitter>
#include <QTableView>
#include <QTextBrowser>
#include <QVBoxLayout>

namespace attnscope {

namespace {

QDockWidget* dock(QMainWindow& window, const QString& title, const char* name, Qt::DockWidgetArea area, QWidget* content)
{
    auto* made = new QDockWidget(title, &window);
    made->setObjectName(QLatin1String(name));
    made->setWidget(content);
    window.addDockWidget(area, made);
    return made;
}

QScrollArea* scrolled(QWidget* content, QWidget* parent)
{
    auto* area = new QScrollArea(parent);
    area->setWidgetResizable(true);
    area->setFrameShape(QFrame::NoFrame);
    area->setWidget(content);
    return area;
}

/// A column as wide as its content, that scrolls up and down.
QScrollArea* column(QWidget* content, QWidget* parent)
{
    QScrollArea* area = scrolled(content, parent);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setMinimumWidth(content->minimumSizeHint().width() + area->verticalScrollBar()->sizeHint().width());
    return area;
}

QTableView* tableOf(MetricsModel* model, QWidget* parent)
{
    auto* view = new QTableView(parent);
    view->setModel(model);
    view->verticalHeader()->hide();
    view->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    view->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    view->setSelectionBehavior(QAbstractItemView::SelectRows);
    view->setAlternatingRowColors(true);
    view->setShowGrid(false);
    view->setMinimumHeight(60); // header, a row, scroll bar
    return view;
}

/// The board with the whole text beside its rows and below its columns.
QWidget* boardWithStrips(WindowPanels& panels, QWidget* parent)
{
    auto* all = new QWidget(parent);
    panels.board = new Board(poolExecutor(), all);
    panels.rowStrip = new MapStrip(Qt::Vertical, panels.board->view(), all);
    panels.columnStrip = new MapStrip(Qt::Horizontal, panels.board->view(), all);
    auto* layout = new QGridLayout(all);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(1);
    layout->addWidget(panels.rowStrip, 0, 0);
    layout->addWidget(panels.board, 0, 1);
    layout->addWidget(panels.columnStrip, 1, 1);
    return all;
}

/// The metrics with the line of advice above them.
QWidget* metricsWithAdvice(const WindowPanels& panels, QWidget* parent)
{
    auto* both = new QWidget(parent);
    auto* layout = new QVBoxLayout(both);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(panels.advice);
    layout->addWidget(panels.metricsView, 1);
    return both;
}

} // namespace

WindowPanels makePanels(QMainWindow& window, JobQueue& jobs, const std::vector<const Backend*>& backends, const std::string& cudaNote)
{
    WindowPanels p;
    auto* center = new QSplitter(Qt::Vertical, &window);
    center->addWidget(boardWithStrips(p, center));
    p.row = new RowPlot(poolExecutor(), center);
    center->addWidget(p.row);
    center->setStretchFactor(0, 4);
    center->setStretchFactor(1, 1);
    center->setSizes({420, 130});
    center->setMinimumWidth(std::clamp(fittingSize(window).width() * 2 / 5, 240, 400)); // docks give way first
    window.setCentralWidget(center);

    p.input = new InputPanel(&window);
    p.text = new TextPanel(&window);
    p.heads = new HeadGrid(&window);
    p.methods = new MethodsPanel(&window);
    p.metrics = new MetricsModel(&window);
    p.metricsView = tableOf(p.metrics, &window);
    p.advice = new AdvicePanel(&window);
    p.theory = new TheoryPanel(&window);
    p.latency = new LatencyPanel(jobs, backends, &window);
    p.jobs = new JobsPanel(jobs, &window);
    p.help = new HelpPage(&window);
    p.machine = new QTextBrowser(&window);
    p.machine->setOpenExternalLinks(true);
    p.machine->setHtml(machineText(backends, cudaNote));

    auto* input = dock(window, QObject::tr("Input"), "inputDock", Qt::LeftDockWidgetArea, column(p.input, &window));
    p.textDock = dock(window, QObject::tr("Text"), "textDock", Qt::LeftDockWidgetArea, p.text);
    p.headsDock = dock(window, QObject::tr("Heads"), "headsDock", Qt::LeftDockWidgetArea, scrolled(p.heads, &window));
    auto* methods = dock(window, QObject::tr("Approximations"), "methodsDock", Qt::RightDockWidgetArea, p.methods);
    dock(window, QObject::tr("Help page"), "helpDock", Qt::RightDockWidgetArea, p.help)->hide();
    p.latencyDock =
        dock(window, QObject::tr("Latency against length"), "latencyDock", Qt::BottomDockWidgetArea, scrolled(p.latency, &window));
    auto* theory = dock(window, QObject::tr("Theory"), "theoryDock", Qt::BottomDockWidgetArea, p.theory);
    p.metricsDock = dock(window, QObject::tr("Metrics"), "metricsDock", Qt::BottomDockWidgetArea, metricsWithAdvice(p, &window));
    auto* jobsDock = dock(window, QObject::tr("Jobs"), "jobsDock", Qt::BottomDockWidgetArea, p.jobs);
    auto* machine = dock(window, QObject::tr("About this machine"), "machineDock", Qt::BottomDockWidgetArea, p.machine);
    window.tabifyDockWidget(input, p.textDock);
    input->raise();
    window.tabifyDockWidget(p.latencyDock, theory);
    window.tabifyDockWidget(theory, p.metricsDock);
    window.tabifyDockWidget(p.metricsDock, jobsDock);
    window.tabifyDockWidget(jobsDock, machine);
    p.metricsDock->raise();
    window.resizeDocks({input, p.headsDock}, {230, 230}, Qt::Horizontal);
    window.resizeDocks({input, p.headsDock}, {320, 260}, Qt::Vertical);
    window.resizeDocks({methods}, {315}, Qt::Horizontal);
    window.resizeDocks({p.latencyDock}, {215}, Qt::Vertical);
    return p;
}

QSize fittingSize(const QWidget& window)
{
    constexpr QSize kWanted(1440, 900);
    constexpr QSize kFrame(12, 48);
    return kWanted.boundedTo(window.screen()->availableSize() - kFrame);
}

void toggleHeadGrid(const WindowPanels& panels, const QMainWindow& window)
{
    constexpr double kShare = 0.8;
    QDockWidget& dock = *panels.headsDock;
    const bool large = dock.isVisible() && dock.isFloating();
    dock.setFloating(!large);
    dock.show();
    if (large)
        return panels.board->setFocus();
    QRect area(QPoint(), window.size() * kShare);
    area.moveCenter(window.geometry().center());
    dock.setGeometry(area);
    dock.raise();
    panels.heads->setFocus();
}

} // namespace attnscope
