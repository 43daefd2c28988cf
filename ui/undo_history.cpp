// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/undo_history.h"

#include "ui/actions.h"
#include "ui/change_name.h"
#include "ui/session_controller.h"

#include <QAction>
#include <QCoreApplication>
#include <QElapsedTimer>
#include <QEvent>
#include <QUndoStack>

namespace attnscope {

namespace {

constexpr int kMostSteps = 200;
constexpr qint64 kPauseMs = 1000; // keys and wheel turns in quicker succession are one step

constexpr int kSessionStep = 1; // the id of steps that hold sessions; others have none

/// A session whose text is shared with its neighbours.
struct Snapshot {
    Session session;
    std::shared_ptr<const std::string> text;

    Session whole() const
    {
        Session all = session;
        all.input.text = *text;
        return all;
    }
};

class Step : public QUndoCommand {
public:
    Step(SessionController& controller, Snapshot before, Snapshot after, int gesture)
        : m_controller(controller), m_before(std::move(before)), m_after(std::move(after)), m_gesture(gesture)
    {
        m_since.start();
        setName();
    }

    int id() const override { return kSessionStep; }

    bool mergeWith(const QUndoCommand* other) override
    {
        const auto& next = static_cast<const Step&>(*other);
        const bool dragged = next.m_gesture % 2 == 1 && next.m_gesture == m_gesture;
        const bool together = m_name.alwaysMerges || dragged || m_since.elapsed() < kPauseMs;
        if (m_name.key.isEmpty() || next.m_name.key != m_name.key || !together)
            return false;
        m_after = next.m_after;
        m_since.restart();
        setObsolete(m_after.whole() == m_before.whole());
        setName();
        return true;
    }

    void undo() override { m_controller.restore(m_before.whole()); }

    void redo() override
    {
        if (std::exchange(m_done, false))
            m_controller.restore(m_after.whole());
        m_done = true;
    }

    const Snapshot& after() const { return m_after; }

private:
    void setName()
    {
        const auto name = changeName(m_before.whole(), m_after.whole());
        if (m_name.key.isEmpty())
            m_name = name;
        setText(name.text);
    }

    SessionController& m_controller;
    Snapshot m_before;
    Snapshot m_after;
    ChangeName m_name;
    int m_gesture;
    QElapsedTimer m_since;
    bool m_done = false; // pushing calls redo() on what is there already
};

/// Of the window alone.
class WindowStep : public QUndoCommand {
public:
    WindowStep(const QString& name, std::function<void()> undo, std::function<void()> redo)
        : QUndoCommand(name), m_undo(std::move(undo)), m_redo(std::move(redo))
    {
    }

    void undo() override { m_undo(); }

    void redo() override
    {
        if (std::exchange(m_done, true))
            m_redo();
    }

private:
    std::function<void()> m_undo;
    std::function<void()> m_redo;
    bool m_done = false; // pushing calls redo() on what is there already
};

} // namespace

UndoHistory::UndoHistory(SessionController& controller, const Actions& actions, QObject* parent)
    : QObject(parent), m_controller(controller), m_stack(new QUndoStack(this)), m_text(std::make_shared<const std::string>())
{
    m_stack->setUndoLimit(kMostSteps);
    QAction* undo = actions[Command::Undo];
    QAction* redo = actions[Command::Redo];
    const auto name = [undo, redo, this] {
        const QString back = m_stack->undoText();
        const QString forth = m_stack->redoText();
        undo->setText(back.isEmpty() ? tr("&Undo") : tr("&Undo: %1").arg(back));
        redo->setText(forth.isEmpty() ? tr("&Redo") : tr("&Redo: %1").arg(forth));
        undo->setEnabled(m_stack->canUndo());
        redo->setEnabled(m_stack->canRedo());
    };
    connect(m_stack, &QUndoStack::undoTextChanged, this, name);
    connect(m_stack, &QUndoStack::redoTextChanged, this, name);
    connect(m_stack, &QUndoStack::indexChanged, this, name);
    connect(undo, &QAction::triggered, m_stack, &QUndoStack::undo);
    connect(redo, &QAction::triggered, m_stack, &QUndoStack::redo);
    connect(&controller, &SessionController::edited, this, &UndoHistory::push);
    connect(&controller, &SessionController::inputRejected, this, &UndoHistory::dropRefused);
    QCoreApplication::instance()->installEventFilter(this);
    name();
}

// The stack speaks up once more when it goes, when those who listen to it may be gone.
UndoHistory::~UndoHistory() { m_stack->disconnect(); }

std::shared_ptr<const std::string> UndoHistory::shared(std::string&& text)
{
    if (*m_text != text)
        m_text = std::make_shared<const std::string>(std::move(text));
    return m_text;
}

// The first input of a window is where its history begins.
void UndoHistory::push(const Session& before, const Session& after)
{
    if (before.input.path.empty() && before.input.text.empty())
        return;
    const auto snapshot = [this](Session session) {
        std::string text = std::exchange(session.input.text, {});
        return Snapshot{std::move(session), shared(std::move(text))};
    };
    auto first = snapshot(before);
    m_stack->push(new Step(m_controller, std::move(first), snapshot(after), m_gesture));
}

void UndoHistory::note(const QString& name, std::function<void()> undo, std::function<void()> redo)
{
    const InputChoice& input = m_controller.session().input;
    if (!input.path.empty() || !input.text.empty())
        m_stack->push(new WindowStep(name, std::move(undo), std::move(redo)));
}

void UndoHistory::together(const QString& name, const std::function<void()>& changes)
{
    const InputChoice& input = m_controller.session().input;
    if (input.path.empty() && input.text.empty())
        return changes();
    m_stack->beginMacro(name);
    changes();
    m_stack->endMacro();
    if (m_stack->command(m_stack->index() - 1)->childCount() == 0)
        drop(m_stack->index() - 1);
}

// An obsolete step is removed, not undone.
void UndoHistory::drop(int last)
{
    const_cast<QUndoCommand*>(m_stack->command(last))->setObsolete(true); // Qt hands it out const, and lets nobody else mark it
    m_stack->undo();
}

void UndoHistory::dropRefused()
{
    const int last = m_stack->index() - 1;
    if (last < 0 || m_stack->command(last)->id() != kSessionStep)
        return;
    const auto* step = static_cast<const Step*>(m_stack->command(last));
    if (!step->after().whole().input.opensTheSame(m_controller.session().input))
        drop(last);
}

bool UndoHistory::eventFilter(QObject* watched, QEvent* event)
{
    if ((event->type() == QEvent::MouseButtonPress && m_gesture % 2 == 0) ||
        (event->type() == QEvent::MouseButtonRelease && m_gesture % 2 == 1))
        ++m_gesture;
    return QObject::eventFilter(watched, event);
}

} // namespace attnscope
