// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dock_layouts.h"

#include <QDataStream>
#include <QDockWidget>
#include <QIODevice>
#include <QMainWindow>
#include <QSplitter>
#include <QTabBar>
#include <QTimer>
#include <QToolBar>

#include <vector>

namespace attnscope {

namespace {

constexpr quint32 kMagic = 0x61746c31; // of an arrangement
constexpr const char* kToolbar = "boardToolbar";
constexpr QSize kRoomy(1000, 600);  // a smaller window has one column of docks
constexpr int kRoomForTables = 500; // and a lower one nothing below the board

QSplitter* centerOf(const QMainWindow& window) { return qobject_cast<QSplitter*>(window.centralWidget()); }

QDockWidget* dockOf(const QMainWindow& window, const char* name) { return window.findChild<QDockWidget*>(QLatin1String(name)); }

void showOnly(const QMainWindow& window, const std::vector<const char*>& names)
{
    for (QDockWidget* dock : window.findChildren<QDockWidget*>()) {
        const bool wanted =
            std::any_of(names.begin(), names.end(), [dock](const char* name) { return dock->objectName() == QLatin1String(name); });
        dock->setVisible(wanted);
    }
}

void resizeDock(QMainWindow& window, const char* name, double share, Qt::Orientation direction)
{
    const int whole = direction == Qt::Horizontal ? window.width() : window.height();
    if (auto* dock = dockOf(window, name))
        window.resizeDocks({dock}, {static_cast<int>(share * whole)}, direction);
}

void splitCenter(const QMainWindow& window, int board, int row)
{
    if (auto* center = centerOf(window))
        center->setSizes({board, row});
}

// Rows of tabs that restoring has left without any stay visible as a line across other docks.
void hideEmptyTabs(const QMainWindow& window)
{
    for (QTabBar* bar : window.findChildren<QTabBar*>(QString(), Qt::FindDirectChildrenOnly))
        if (bar->count() == 0)
            bar->hide();
}

// One column of tabs beside the board, and a low row of tabs below it where there is height for both.
void compact(QMainWindow& window)
{
    auto* input = dockOf(window, "inputDock");
    for (const char* name : {"headsDock", "methodsDock"})
        if (auto* dock = dockOf(window, name); dock && input) {
            window.addDockWidget(Qt::LeftDockWidgetArea, dock);
            window.tabifyDockWidget(input, dock);
        }
    if (input)
        input->raise();
    if (window.height() < kRoomForTables)
        for (const char* name : {"latencyDock", "theoryDock", "metricsDock", "jobsDock", "machineDock"})
            if (auto* dock = dockOf(window, name))
                dock->hide();
    resizeDock(window, "inputDock", 0.34, Qt::Horizontal); // as wide as its tabs
    resizeDock(window, "latencyDock", 0.26, Qt::Vertical);
}

void inspect(QMainWindow& window)
{
    showOnly(window, {"inputDock", "headsDock", "textDock"});
    resizeDock(window, "inputDock", 0.2, Qt::Horizontal);
    splitCenter(window, 750, 250);
}

// The latency panel needs the window's whole width; theory stands above it, beside the board.
void measure(QMainWindow& window)
{
    auto* theory = dockOf(window, "theoryDock");
    auto* methods = dockOf(window, "methodsDock");
    if (theory && methods) {
        window.addDockWidget(Qt::RightDockWidgetArea, theory);
        window.tabifyDockWidget(theory, methods);
    }
    showOnly(window, {"latencyDock", "theoryDock", "methodsDock"});
    if (theory)
        theory->raise();
    resizeDock(window, "theoryDock", 0.46, Qt::Horizontal);
    resizeDock(window, "latencyDock", 0.5, Qt::Vertical);
    splitCenter(window, 1000, 0);
}

void teach(QMainWindow& window)
{
    auto* help = dockOf(window, "helpDock");
    auto* methods = dockOf(window, "methodsDock");
    showOnly(window, {"helpDock", "methodsDock"});
    if (help && methods) {
        window.addDockWidget(Qt::RightDockWidgetArea, help);
        window.splitDockWidget(help, methods, Qt::Vertical);
        window.resizeDocks({help, methods}, {window.height() * 60 / 100, window.height() * 40 / 100}, Qt::Vertical);
    }
    resizeDock(window, "helpDock", 0.38, Qt::Horizontal);
    for (QToolBar* bar : window.findChildren<QToolBar*>(QLatin1String(kToolbar)))
        bar->hide();
    splitCenter(window, 740, 260);
}

} // namespace

QByteArray arrangementOf(const QMainWindow& window)
{
    QByteArray bytes;
    QDataStream out(&bytes, QIODevice::WriteOnly);
    const auto* center = centerOf(window);
    out << kMagic << window.saveState() << (center ? center->saveState() : QByteArray());
    return bytes;
}

bool restoreArrangement(QMainWindow& window, const QByteArray& arrangement)
{
    QDataStream in(arrangement);
    quint32 magic = 0;
    QByteArray docks;
    QByteArray split;
    in >> magic >> docks >> split;
    if (magic != kMagic || in.status() != QDataStream::Ok || !window.restoreState(docks))
        return false;
    if (auto* center = centerOf(window))
        center->restoreState(split);
    for (QToolBar* bar : window.findChildren<QToolBar*>())
        if (bar->objectName() != QLatin1String(kToolbar)) { // it came later, and stays in a line of its own
            window.insertToolBarBreak(bar);
            bar->show();
        }
    return true;
}

void arrangeFor(QMainWindow& window, LayoutKind kind, const QByteArray& initial)
{
    QTimer::singleShot(0, &window, [&window] { hideEmptyTabs(window); }); // when the docks have their places
    restoreArrangement(window, initial);
    if (window.width() < kRoomy.width() || window.height() < kRoomy.height())
        compact(window);
    switch (kind) {
    case LayoutKind::Compare:
        return;
    case LayoutKind::Inspect:
        return inspect(window);
    case LayoutKind::Measure:
        return measure(window);
    case LayoutKind::Teach:
        return teach(window);
    }
}

BoardMode boardModeOf(LayoutKind kind)
{
    return kind == LayoutKind::Inspect ? BoardMode::Exact : kind == LayoutKind::Teach ? BoardMode::Approximation : BoardMode::SideBySide;
}

} // namespace attnscope
