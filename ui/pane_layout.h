// SPDX-License-Identifier: GPL-3.0-or-later
// Where title, map, axes and colour bar of a pane stand: cells are square where the view has the map's proportions.
#pragma once

#include <QFont>
#include <QRect>
#include <QSize>

namespace attnscope {

struct PaneLayout {
    QRect header;
    QRect map;         ///< the axis rectangle
    QRect bar;         ///< the gradient; its ticks and the pooling stand below it
    int tickZone = 0;  ///< height of the key labels below the map: of tokens, or of indices
    int labelRoom = 0; ///< pixels that the longest query label may take
    int rowsName = 0;  ///< left of the labels: the name of the rows; 0 where the pane is too narrow for it

    bool operator==(const PaneLayout&) const = default;
};

/// The application's font with a real family name and a size in pixels, so that it comes out alike on screen, PDF and SVG.
QFont plotFont();

/// For ticks and small text: a little smaller.
QFont smallFont();

/// `aspect` is columns / rows of the map. `tokens`: keep room for them, so that the map never moves when they appear;
/// `tokensShown`: they are there now, and the colour bar makes way.
PaneLayout paneLayout(const QSize& size, bool tokens, bool tokensShown, double aspect);

} // namespace attnscope
