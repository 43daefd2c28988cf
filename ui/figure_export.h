// SPDX-License-Identifier: GPL-3.0-or-later
// Writes a figure as PNG, SVG or PDF: one raster per map, vector axes, text that can be selected, caption in the metadata.
#pragma once

#include "core/base/result.h"

#include <QRect>
#include <QSize>
#include <QString>

#include <functional>

class QCPPainter;
class QCustomPlot;
class QPrinter;

namespace attnscope {

/// Anything that can draw itself: `[&](QCPPainter& p, const QRect& r) { board.renderTo(p, r); }`.
struct Figure {
    QSize size; ///< in units of 1/96 inch
    std::function<void(QCPPainter&, const QRect&)> draw;
};

enum class FigureFormat { Png, Svg, Pdf };

struct FigureOptions {
    FigureFormat format = FigureFormat::Png;
    double dpi = 300.0; ///< of PNG, and of the rasters in PDF and SVG
    QString title;      ///< PDF title, SVG <title>, PNG Title
    QString caption;    ///< parameters: drawn below the figure, and kept as SVG <desc>, PDF and PNG Description
    bool drawCaption = true;
};

/// Png, Svg or Pdf by the file name's ending; none for another one.
FigureFormat formatOf(const QString& path, FigureFormat fallback);

/// Written beside `path` and renamed: Io where that fails, and then nothing is left behind.
Result<void> exportFigure(const Figure& figure, const QString& path, const FigureOptions& options);

/// On one page, as large as it fits, with title and caption; Device where the printer refuses.
Result<void> printFigure(const Figure& figure, QPrinter& printer, const FigureOptions& options);

/// A QCustomPlot in the light theme, whatever it looks like on screen.
Figure figureOf(QCustomPlot* plot, const QSize& size);

} // namespace attnscope
