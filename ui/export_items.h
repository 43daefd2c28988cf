// SPDX-License-Identifier: GPL-3.0-or-later
// What can be exported from a window or a headless session: figures and maps with their names.
#pragma once

#include "core/scores/score_source.h"
#include "ui/figure_export.h"
#include "ui/figure_tiles.h"
#include "ui/session_controller.h"

#include <vector>

namespace attnscope {

class Board;
class LatencyPlot;
class RowPlot;
class TheoryPanel;

struct FigureItem {
    QString name; ///< "Board", "Softmax (exact)", "Row of the pinned query", "Latency"
    QString stem; ///< "board": of a file name
    Figure figure;
    std::function<FigureTiles(double scale)> tiles = {}; ///< to be computed before it is drawn at `scale` pixels per unit; may be empty
};

/// Valid until the board gets other panes. The board, each of its panes, the row where a query is pinned, the latency plot
/// and the theory plot where there is one.
std::vector<FigureItem> figureItems(Board& board, RowPlot& row, LatencyPlot* latency, TheoryPanel* theory = nullptr);

struct MapItem {
    QString name;
    QString stem; ///< "exact", "performer", "performer_error"
    std::shared_ptr<const ScoreSource> source;
};

/// Every map that the board shows.
std::vector<MapItem> mapItems(const BoardState& board);

} // namespace attnscope
