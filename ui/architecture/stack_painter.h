// SPDX-License-Identifier: GPL-3.0-or-later
// Draws an architecture's layers as cells, and the legend of their colours: on screen and in figures alike.
#pragma once

#include "core/stack/architecture.h"

#include <QRect>

#include <optional>
#include <vector>

class QPainter;

namespace attnscope {

struct PlotTheme;

/// Where the cells of a stack stand: in rows of a length that suits repeating patterns, as wide as there is room.
struct CellGrid {
    int perRow = 1;
    int width = 0; ///< of a cell
    int height = 0;
    int labelRoom = 0;
    int rows = 0;

    QRect cell(int layer) const;
    int totalHeight() const;
};
CellGrid cellGrid(int layers, int width);

/// Draws into `rect` as the widget does; `selected` gets a frame.
void paintStack(QPainter& painter, const QRect& rect, const Architecture& architecture, const PlotTheme& theme,
                std::optional<Index> selected = {});

/// The legend of what occurs in these architectures, in as many lines as it needs; returns its height. Paints nothing where
/// `painter` is null.
int paintStackLegend(QPainter* painter, const QRect& rect, const std::vector<const Architecture*>& architectures, const PlotTheme& theme);

} // namespace attnscope
