// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the board and the session's choice for it the same: mode at once, zoom and links when a gesture has ended.
#pragma once

#include "core/session/session.h"

#include <QObject>
#include <QTimer>

namespace attnscope {

class Board;
class SessionController;

/// As a session keeps it.
BoardChoice boardChoiceOf(const Board& board);

/// Mode, zoom and links as in `choice`; the panes must have their maps already, or zooms are lost.
void showBoardChoice(Board& board, const BoardChoice& choice);

class BoardMemory : public QObject {
    Q_OBJECT

public:
    BoardMemory(SessionController& controller, Board& board, QObject* parent);

    /// Notes at once what else would be noted a little later.
    void flush();
    /// Of each pane, for Session::seen.
    std::vector<std::optional<std::array<double, 3>>> seen() const;

private:
    void followMode();
    void showPending();
    void take();
    void showSeen();
    void noteLater();
    void note();

    SessionController& m_controller;
    Board& m_board;
    QTimer m_rest;
    bool m_pending = false;                                   // the session's zoom waits for the maps that it is meant for
    std::vector<std::optional<std::array<double, 3>>> m_seen; // until what the session asks for is there
    std::pair<Index, Index> m_size;                           // of the map
};

} // namespace attnscope
