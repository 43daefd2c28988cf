// SPDX-License-Identifier: GPL-3.0-or-later
// Connects the commands about what the board shows and how its maps are moved.
#pragma once

namespace attnscope {

class Actions;
class Board;
class SessionController;

/// Compare modes, drag modes, zoom history and transposing; all outlive the connections.
void connectBoardCommands(const Actions& actions, Board& board, SessionController& controller);

} // namespace attnscope
