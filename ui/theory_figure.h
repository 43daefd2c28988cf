// SPDX-License-Identifier: GPL-3.0-or-later
// What a plot of theory consists of: lines and points, their styles, and which axes are logarithmic; no painting.
#pragma once

#include "core/method/theory.h"

#include <QString>
#include <Qt>

#include <vector>

namespace attnscope {

/// One series: a line of predictions, or the points that were measured.
struct TheorySeries {
    QString name;
    std::vector<double> x;
    std::vector<double> y;
    Qt::PenStyle style = Qt::NoPen; ///< of predictions: dashed for bounds, dotted for guidance; NoPen: points
    int color = 1;                  ///< of seriesColors(); a statement's line and points share it
};

struct TheoryAxis {
    QString label;
    double low = 0.0; ///< with some room around the series
    double high = 1.0;
    bool logarithmic = false; ///< all values are positive, over a large ratio
};

struct TheoryFigure {
    std::vector<TheorySeries> series;
    TheoryAxis x;
    TheoryAxis y;
};

/// Of `chosen`, together with those of `curves` that speak of the same quantity over the same axis.
TheoryFigure theoryFigure(const std::vector<TheoryCurve>& curves, const TheoryCurve& chosen);

} // namespace attnscope
