// SPDX-License-Identifier: GPL-3.0-or-later
// Light and dark palettes, and the colours that plots derive from a palette.
#pragma once

#include <QColor>
#include <QPalette>
#include <QVector>

class QCustomPlot;

namespace attnscope {

QPalette lightPalette();
QPalette darkPalette();

struct PlotTheme {
    QColor background; ///< around the axes
    QColor foreground; ///< text and axis lines
    QColor muted;      ///< secondary text, ticks
    QColor grid;
    QColor accent;     ///< cross-hair, pins, the current head
    QColor masked;     ///< cells that causality hides
    QColor maskedLine; ///< their hatch
    QColor empty;      ///< not computed yet
    QColor notANumber; ///< with black stripes
    QColor warning;    ///< badges

    bool operator==(const PlotTheme&) const = default;
};

PlotTheme plotTheme(const QPalette& palette);
PlotTheme lightPlotTheme(); ///< white background: for every export

/// Colours of the series of a line plot, in order; distinguishable for all kinds of colour vision (Okabe and Ito, 2008), the
/// first one is exact attention's.
QVector<QColor> seriesColors(const PlotTheme& theme);

/// Of the pin `at` before the shown one: apart from the accent and, with its number, from every colour map.
QColor pinColor(const PlotTheme& theme, std::size_t at);

/// Background, axes, ticks, labels, grid and legend of a plot. Doesn't replot.
void applyPlotTheme(QCustomPlot* plot, const PlotTheme& theme);
void applyPlotTheme(QCustomPlot* plot, const QPalette& palette);

} // namespace attnscope
