// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a session file about how it is looked at: view, text, board and layout, to JSON and back.
#pragma once

#include "core/session/json_reader.h"
#include "core/session/session.h"

namespace attnscope {

SessionJson toJson(const ViewChoice& view);
SessionJson toJson(const TextChoice& text);
SessionJson toJson(const BoardChoice& board);
SessionJson toJson(const LayoutChoice& layout);

/// The first key that is wrong, as "view.pool"; empty where all is well.
std::string readView(const SessionJson& json, ViewChoice& view);
std::string readText(const SessionJson& json, TextChoice& text);
std::string readBoard(const SessionJson& json, BoardChoice& board);
std::string readLayout(const SessionJson& json, LayoutChoice& layout);
std::string readSeen(const SessionJson& json, std::vector<std::optional<std::array<double, 3>>>& seen);

} // namespace attnscope
