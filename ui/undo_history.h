// SPDX-License-Identifier: GPL-3.0-or-later
// Undo and redo: each edit of the session is a step with a name; a slider's drag is one step.
#pragma once

#include "core/session/session.h"

#include <QObject>

#include <functional>
#include <memory>

class QUndoStack;

namespace attnscope {

class Actions;
class SessionController;

class UndoHistory : public QObject {
    Q_OBJECT

public:
    /// Connects the actions Undo and Redo and names them after their steps.
    UndoHistory(SessionController& controller, const Actions& actions, QObject* parent);

    ~UndoHistory() override;

    QUndoStack& stack() { return *m_stack; }

    /// A step of what no session holds, which is done already. Before the first input is open nothing is a step.
    void note(const QString& name, std::function<void()> undo, std::function<void()> redo);
    /// All steps that `changes` makes are one; none where it makes none.
    void together(const QString& name, const std::function<void()>& changes);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void push(const Session& before, const Session& after);
    void dropRefused();
    void drop(int last);
    std::shared_ptr<const std::string> shared(std::string&& text);

    SessionController& m_controller;
    QUndoStack* m_stack;
    std::shared_ptr<const std::string> m_text; // of the last step: a long text is kept once, not once a step
    int m_gesture = 0;                         // odd while a mouse button is held
};

} // namespace attnscope
