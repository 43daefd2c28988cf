// SPDX-License-Identifier: GPL-3.0-or-later
// Colours of whole architectures: a mixer's, a term's of a cost, and of each architecture's curve.
#pragma once

#include "core/stack/architecture.h"

#include <QColor>

namespace attnscope {

struct PlotTheme;

/// Attention of any reach.
QColor attentionColor(const PlotTheme& theme);

/// Of a recurrent mixer by its id; one colour for kinds that aren't known.
QColor recurrentColor(const std::string& method, const PlotTheme& theme);

QColor denseColor(const PlotTheme& theme);
QColor expertsColor(const PlotTheme& theme);

/// What a cost consists of; attention has its cells' colour.
struct TermColors {
    QColor weights;
    QColor attention;
    QColor state;
};
TermColors termColors(const PlotTheme& theme);

/// Of the architecture `at` in every plot and in its column's title.
QColor architectureColor(std::size_t at, const PlotTheme& theme);

} // namespace attnscope
