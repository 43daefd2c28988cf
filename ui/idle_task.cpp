// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/idle_task.h"

#include "ui/session_controller.h"

#include <QDockWidget>
#include <QEvent>
#include <QWidget>

namespace attnscope {

IdleTask::IdleTask(SessionController& controller, QWidget& panel, std::string slot, IdleRules rules)
    : QObject(&panel), m_controller(controller), m_panel(panel), m_slot(std::move(slot)), m_rules(rules)
{
    m_rest.setSingleShot(true);
    m_rest.setInterval(rules.rest);
    for (QWidget* parent = &panel; parent; parent = parent->parentWidget())
        if (auto* dock = qobject_cast<QDockWidget*>(parent))
            connect(dock, &QDockWidget::visibilityChanged, this, &IdleTask::showOrHide);
    panel.installEventFilter(this);
    connect(&m_rest, &QTimer::timeout, this, &IdleTask::tryStart);
    connect(&controller, &SessionController::sessionChanged, this, &IdleTask::follow);
    connect(&controller, &SessionController::boardChanged, this, &IdleTask::follow);
    connect(&controller, &SessionController::settled, this, [this] {
        if (m_state == State::Waiting)
            m_rest.start();
    });
}

IdleSubject IdleTask::subject() const
{
    const auto& board = m_controller.board();
    const auto& session = m_controller.session();
    if (!board.exact)
        return {};
    IdleSubject subject{board.layer, session.head, m_controller.causal(), std::nullopt};
    if (m_rules.ofMethod && session.selected < session.approximations.size())
        subject.method = session.approximations[session.selected];
    return subject;
}

void IdleTask::follow()
{
    auto now = subject();
    if (now == m_subject)
        return;
    m_subject = std::move(now);
    stop();
    m_rest.start();
    Q_EMIT outdated(m_subject.layer != nullptr);
}

void IdleTask::stop()
{
    if (m_state == State::Running)
        m_controller.jobs().cancelSlot(m_slot);
    m_state = State::Waiting;
}

void IdleTask::tryStart()
{
    if (m_state != State::Waiting || !m_subject.layer || !isSeen() || m_controller.rests() ||
        (m_rules.whenIdle && !m_controller.jobs().idle()))
        return; // settled, shown and another subject come back here
    m_state = State::Running;
    Q_EMIT started();
}

// A dock behind another one's tab isn't hidden: it lies outside the window.
bool IdleTask::isSeen() const { return m_panel.isVisible() && !m_panel.visibleRegion().isEmpty(); }

void IdleTask::showOrHide(bool shown)
{
    if (shown && m_state == State::Waiting)
        m_rest.start();
    if (!shown && m_state == State::Running)
        stop();
}

bool IdleTask::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::Show || event->type() == QEvent::Hide)
        showOrHide(event->type() == QEvent::Show);
    return QObject::eventFilter(watched, event);
}

} // namespace attnscope
