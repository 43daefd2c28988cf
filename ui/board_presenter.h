// SPDX-License-Identifier: GPL-3.0-or-later
// Results as the board's panes, captions and status line: words and numbers, no widgets.
#pragma once

#include "ui/pane_content.h"
#include "ui/session_controller.h"

#include <QStringList>

#include <vector>

namespace attnscope {

/// exact | approximations | errors, in the order of the session.
std::vector<PaneContent> panesOf(const BoardState& board, const Session& session);

/// The pinned cells, the one whose row is shown last; and back.
std::vector<MapCell> pinsOf(const ViewChoice& view);
void setPins(ViewChoice& view, const std::vector<MapCell>& pins);

/// One label per position; empty where the input has no tokens.
QStringList tokensOf(const BoardState& board);

/// "query 814 “whale” · key 12 “whale” · exact 0.412 · performer 0.097 · error −0.315".
QString hoverText(const BoardState& board, Index query, Index key);

/// Input, layer, head, causal, methods with parameters: what a figure's caption and metadata say.
QString captionOf(const BoardState& board, const Session& session);

} // namespace attnscope
