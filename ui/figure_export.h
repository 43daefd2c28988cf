// SPDX-License-Identifier: GPL-3.0-or-later
// Writes a figure as PNG, SVG or PDF: one raster per map, vector axes, text that can be selected, caption in the metadata.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"

#include <QRect>
#include <QSize>
#include <QString>

#include <functional>
#include <memory>

class QCPPainter;
class QCustomPlot;
class QPrinter;

namespace attnscope {

class PaintRecording;

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

/// A figure as it was drawn at one moment; what takes long in it is left to who writes it.
struct FigureDrawing {
    std::shared_ptr<const PaintRecording> content;
    QSize size; ///< with the caption
    FigureOptions options;
};

/// Where the figure's widgets live.
FigureDrawing drawFigure(const Figure& figure, const FigureOptions& options);

/// On any thread. Written beside `path` and renamed: Io where that fails, and then nothing is left behind; OutOfMemory, Cancelled.
Result<void> writeFigure(const FigureDrawing& drawing, const QString& path, const RunContext& context = {});

/// Both.
Result<void> exportFigure(const Figure& figure, const QString& path, const FigureOptions& options);

/// For one page, as large as it fits, with title and caption; then onto it: Device where the printer refuses, Cancelled.
FigureDrawing drawForPrinter(const Figure& figure, const QPrinter& printer, const FigureOptions& options);
Result<void> printDrawing(const FigureDrawing& drawing, QPrinter& printer, const RunContext& context = {});

/// A QCustomPlot in the light theme, whatever it looks like on screen.
Figure figureOf(QCustomPlot* plot, const QSize& size);

} // namespace attnscope
