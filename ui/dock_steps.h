// SPDX-License-Identifier: GPL-3.0-or-later
// What a person does to the window and no session holds, as steps of undo: docks moved, shown or hidden, and the heads' order.
#pragma once

#include "ui/head_order.h"

#include <QByteArray>
#include <QObject>
#include <QTimer>

class QMainWindow;

namespace attnscope {

class HeadGrid;
class LayoutControl;
class SessionController;
class UndoHistory;

class DockSteps : public QObject {
    Q_OBJECT

public:
    /// All of them outlive the steps. Call when the window has all its docks.
    DockSteps(QMainWindow& window, SessionController& controller, HeadGrid& heads, UndoHistory& history);

    /// The layout as it was made, docks and board: one step.
    void reset(LayoutControl& layouts);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void watchDocks();
    void remember();
    void noteDocks();
    void noteOrder();
    void restore(const QByteArray& arrangement);

    QMainWindow& m_window;
    HeadGrid& m_heads;
    UndoHistory& m_history;
    QTimer m_soon;       // a move ends in several signals
    QByteArray m_before; // the docks before what the person does now
    HeadOrder m_order;
    QString m_name; // of the dock that is being moved
    bool m_restoring = false;
};

} // namespace attnscope
