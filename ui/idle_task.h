// SPDX-License-Identifier: GPL-3.0-or-later
// Work of the lowest urgency about the shown head: starts when its panel is seen, the latest wins.
#pragma once

#include "core/inputs/document.h"
#include "core/session/session.h"

#include <QObject>
#include <QTimer>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace attnscope {

class SessionController;

/// What the work is about; another one makes a result stale.
struct IdleSubject {
    std::shared_ptr<const LayerInputs> layer; ///< null: nothing is shown yet
    HeadRef head;
    bool causal = false;
    std::optional<MethodSetting> method; ///< where it matters

    bool operator==(const IdleSubject&) const = default;
};

struct IdleRules {
    bool ofMethod = false;            ///< the selected approximation is part of the subject
    bool whenIdle = true;             ///< waits until no other job runs
    std::chrono::milliseconds rest{}; ///< and that long after the last change
};

class IdleTask : public QObject {
    Q_OBJECT

public:
    /// `slot` of the controller's jobs is this task's alone. Hiding `panel` cancels it.
    IdleTask(SessionController& controller, QWidget& panel, std::string slot, IdleRules rules);

    /// The job that started() began has ended; what was cancelled because it was stale or hidden starts again by itself.
    void end() { m_state = m_state == State::Running ? State::Done : m_state; }
    bool isStale() const { return m_state == State::Waiting; }

Q_SIGNALS:
    void outdated(bool something); ///< another head or method; `something`: there is one
    void started();                ///< put the job into the slot now

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    enum class State { Waiting, Running, Done };

    IdleSubject subject() const;
    bool isSeen() const;
    void showOrHide(bool shown);
    void follow();
    void stop();
    void tryStart();

    SessionController& m_controller;
    QWidget& m_panel;
    std::string m_slot;
    IdleRules m_rules;
    QTimer m_rest;
    IdleSubject m_subject;
    State m_state = State::Waiting;
};

} // namespace attnscope
