// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dock_steps.h"

#include "ui/dock_layouts.h"
#include "ui/head_grid.h"
#include "ui/layout_control.h"
#include "ui/session_controller.h"
#include "ui/undo_history.h"

#include <QAction>
#include <QApplication>
#include <QDockWidget>
#include <QEvent>
#include <QMainWindow>

namespace attnscope {

namespace {

constexpr int kSettleMs = 50;

} // namespace

DockSteps::DockSteps(QMainWindow& window, SessionController& controller, HeadGrid& heads, UndoHistory& history)
    : QObject(&window), m_window(window), m_heads(heads), m_history(history), m_order(heads.order())
{
    m_soon.setSingleShot(true);
    m_soon.setInterval(kSettleMs);
    connect(&m_soon, &QTimer::timeout, this, &DockSteps::noteDocks);
    connect(&heads, &HeadGrid::orderChanged, this, &DockSteps::noteOrder);
    // Another layout or session moves docks too: that step is the session's.
    connect(&controller, &SessionController::sessionChanged, this, &DockSteps::remember);
    watchDocks();
    remember();
    QCoreApplication::instance()->installEventFilter(this);
}

void DockSteps::watchDocks()
{
    for (QDockWidget* dock : m_window.findChildren<QDockWidget*>()) {
        const auto moved = [this, dock] {
            if (m_restoring || !m_window.isVisible())
                return;
            m_name = dock->windowTitle();
            m_soon.start();
        };
        connect(dock, &QDockWidget::dockLocationChanged, this, moved);
        connect(dock, &QDockWidget::topLevelChanged, this, moved);
        connect(dock->toggleViewAction(), &QAction::triggered, this, moved);
        dock->installEventFilter(this); // its own button closes it
    }
}

// Taken anew whenever a hand comes down, so that a step takes back a move and not what splitters and tabs did before it.
void DockSteps::remember()
{
    m_soon.stop();
    m_before = arrangementOf(m_window);
}

bool DockSteps::eventFilter(QObject* watched, QEvent* event)
{
    if ((event->type() == QEvent::MouseButtonPress || event->type() == QEvent::ShortcutOverride) && watched->isWidgetType() &&
        !m_soon.isActive())
        m_before = arrangementOf(m_window);
    if (event->type() == QEvent::Close && !m_restoring)
        if (const auto* dock = qobject_cast<QDockWidget*>(watched); dock && dock->parent() == &m_window) {
            m_name = dock->windowTitle();
            m_soon.start();
        }
    return QObject::eventFilter(watched, event);
}

void DockSteps::noteDocks()
{
    const QByteArray after = arrangementOf(m_window);
    const QByteArray before = std::exchange(m_before, after);
    if (before != after)
        m_history.note(
            tr("panel %1").arg(m_name), [this, before] { restore(before); }, [this, after] { restore(after); });
}

void DockSteps::reset(LayoutControl& layouts)
{
    const QByteArray before = arrangementOf(m_window);
    m_history.together(tr("reset layout"), [&] {
        layouts.reset();
        const QByteArray after = arrangementOf(m_window);
        if (before != after)
            m_history.note(
                tr("panels"), [this, before] { restore(before); }, [this, after] { restore(after); });
    });
    remember();
}

void DockSteps::noteOrder()
{
    const HeadOrder after = m_heads.order();
    const HeadOrder before = std::exchange(m_order, after);
    if (m_restoring || before == after)
        return;
    const auto set = [this](HeadOrder order) {
        m_restoring = true;
        m_heads.setOrder(order);
        m_restoring = false;
    };
    m_history.note(
        tr("order of heads: %1").arg(headOrderNames()[static_cast<int>(after)]), [set, before] { set(before); },
        [set, after] { set(after); });
}

void DockSteps::restore(const QByteArray& arrangement)
{
    m_restoring = true;
    restoreArrangement(m_window, arrangement);
    m_restoring = false;
    remember();
}

} // namespace attnscope
