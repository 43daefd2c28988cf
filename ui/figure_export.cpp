// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/figure_export.h"

#include "core/io/atomic_file.h"
#include "ui/paint_recording.h"
#include "ui/pane_layout.h"
#include "ui/plot_theme.h"

#include <QBuffer>
#include <QFileInfo>
#include <QPageSize>
#include <QPdfWriter>
#include <QPrinter>
#include <QSvgGenerator>
#include <qcustomplot.h>

#include <cmath>

namespace attnscope {

namespace {

constexpr double kUnitsPerInch = 96.0;
constexpr int kMargin = 8;
constexpr double kMostPixels = 4e8; // of a PNG: 1.6 GB while it is drawn

QRect captionRect(const Figure& figure, const FigureOptions& options)
{
    if (!options.drawCaption || options.caption.isEmpty())
        return {};
    const QRect room(kMargin, figure.size.height() + kMargin, figure.size.width() - 2 * kMargin, 10000);
    return QFontMetrics(smallFont()).boundingRect(room, Qt::AlignLeft | Qt::TextWordWrap, options.caption);
}

QSize totalSize(const Figure& figure, const FigureOptions& options)
{
    const QRect caption = captionRect(figure, options);
    return {figure.size.width(), caption.isNull() ? figure.size.height() : caption.bottom() + kMargin};
}

void drawAll(QCPPainter& painter, const Figure& figure, const FigureOptions& options)
{
    painter.fillRect(QRect({0, 0}, totalSize(figure, options)), Qt::white);
    figure.draw(painter, QRect({0, 0}, figure.size));
    if (const QRect caption = captionRect(figure, options); !caption.isNull()) {
        painter.setFont(smallFont());
        painter.setPen(lightPlotTheme().muted);
        painter.drawText(caption.adjusted(0, 0, kMargin, 4), Qt::AlignLeft | Qt::TextWordWrap, options.caption);
    }
}

/// Refuses what is written when nobody wants it any more: a large image is compressed for seconds.
class StoppableBuffer : public QBuffer {
public:
    StoppableBuffer(QByteArray* bytes, const RunContext& context) : QBuffer(bytes), m_context(context) {}

protected:
    qint64 writeData(const char* data, qint64 size) override { return m_context.cancelled() ? -1 : QBuffer::writeData(data, size); }

private:
    const RunContext& m_context;
};

/// Empty where there is no memory for it, or where it was cancelled.
QByteArray pngOf(const FigureDrawing& drawing, const RunContext& context)
{
    const FigureOptions& options = drawing.options;
    const double scale = options.dpi / kUnitsPerInch;
    const QSizeF total = drawing.size;
    if (total.width() * total.height() * scale * scale > kMostPixels)
        return {};
    QImage image((total * scale).toSize(), QImage::Format_RGB32);
    if (image.isNull())
        return {};
    image.fill(Qt::white);
    QPainter painter(&image);
    if (!drawing.content->play(painter, context))
        return {};
    painter.end();
    image.setDotsPerMeterX(static_cast<int>(std::lround(options.dpi / 0.0254)));
    image.setDotsPerMeterY(image.dotsPerMeterX());
    image.setText(QStringLiteral("Title"), options.title);
    image.setText(QStringLiteral("Description"), options.caption);
    image.setText(QStringLiteral("Software"), QStringLiteral("Attnscope"));
    QByteArray bytes;
    StoppableBuffer buffer(&bytes, context);
    return image.save(&buffer, "PNG") ? bytes : QByteArray();
}

QByteArray svgOf(const FigureDrawing& drawing, const RunContext& context)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    QSvgGenerator svg;
    svg.setOutputDevice(&buffer);
    svg.setResolution(static_cast<int>(kUnitsPerInch));
    svg.setSize(drawing.size);
    svg.setViewBox(QRect({0, 0}, drawing.size));
    svg.setTitle(drawing.options.title.toHtmlEscaped());
    svg.setDescription(drawing.options.caption.toHtmlEscaped());
    QPainter painter(&svg);
    drawing.content->play(painter, context);
    painter.end();
    return bytes;
}

QByteArray pdfOf(const FigureDrawing& drawing, const RunContext& context)
{
    const FigureOptions& options = drawing.options;
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter pdf(&buffer);
    pdf.setResolution(static_cast<int>(std::lround(options.dpi)));
    pdf.setPageSize(QPageSize(QSizeF(drawing.size) * 72.0 / kUnitsPerInch, QPageSize::Point, {}, QPageSize::ExactMatch));
    pdf.setPageMargins(QMarginsF());
    pdf.setTitle(options.caption.isEmpty() ? options.title : options.title + QStringLiteral(" (") + options.caption + QLatin1Char(')'));
    pdf.setCreator(QStringLiteral("Attnscope"));
    QPainter painter;
    if (!painter.begin(&pdf))
        return {};
    drawing.content->play(painter, context);
    painter.end();
    buffer.close();
    return bytes;
}

FigureDrawing record(const Figure& figure, const FigureOptions& options, double scale, QCPPainter::PainterModes modes)
{
    const QSize total = totalSize(figure, options);
    auto content = std::make_shared<PaintRecording>((QSizeF(total) * scale).toSize());
    QCPPainter painter(content.get());
    painter.setModes(modes | QCPPainter::pmNoCaching);
    painter.scale(scale, scale);
    drawAll(painter, figure, options);
    painter.end();
    return {std::move(content), total, options};
}

} // namespace

FigureFormat formatOf(const QString& path, FigureFormat fallback)
{
    const QString ending = QFileInfo(path).suffix().toLower();
    return ending == QLatin1String("png")   ? FigureFormat::Png
           : ending == QLatin1String("svg") ? FigureFormat::Svg
           : ending == QLatin1String("pdf") ? FigureFormat::Pdf
                                            : fallback;
}

FigureDrawing drawFigure(const Figure& figure, const FigureOptions& options)
{
    const double scale = options.format == FigureFormat::Svg ? 1.0 : options.dpi / kUnitsPerInch;
    return record(figure, options, scale, options.format == FigureFormat::Png ? QCPPainter::pmDefault : QCPPainter::pmVectorized);
}

Result<void> writeFigure(const FigureDrawing& drawing, const QString& path, const RunContext& context)
{
    const FigureFormat format = drawing.options.format;
    const QByteArray bytes = format == FigureFormat::Png   ? pngOf(drawing, context)
                             : format == FigureFormat::Svg ? svgOf(drawing, context)
                                                           : pdfOf(drawing, context);
    if (context.cancelled())
        return cancelledError();
    if (bytes.isEmpty())
        return Error{Errc::OutOfMemory, "The figure is too large to be drawn.", "Choose fewer dots per inch or a smaller size."};
    return writeAtomically(path.toStdString(), {bytes.constData(), static_cast<std::size_t>(bytes.size())});
}

Result<void> exportFigure(const Figure& figure, const QString& path, const FigureOptions& options)
{
    return writeFigure(drawFigure(figure, options), path);
}

FigureDrawing drawForPrinter(const Figure& figure, const QPrinter& printer, const FigureOptions& options)
{
    const QSizeF page = printer.pageRect(QPrinter::DevicePixel).size();
    const QSizeF total = totalSize(figure, options);
    return record(figure, options, std::min(page.width() / total.width(), page.height() / total.height()), QCPPainter::pmVectorized);
}

Result<void> printDrawing(const FigureDrawing& drawing, QPrinter& printer, const RunContext& context)
{
    printer.setDocName(drawing.options.title);
    QPainter painter;
    if (!painter.begin(&printer))
        return Error{Errc::Device, "The printer doesn't take the page.", "Choose another printer, or export a PDF with Ctrl+Shift+E."};
    if (!drawing.content->play(painter, context)) {
        printer.abort();
        return cancelledError();
    }
    return {};
}

Figure figureOf(QCustomPlot* plot, const QSize& size)
{
    return {size, [plot](QCPPainter& painter, const QRect& target) {
                const PlotTheme screen = plotTheme(plot->palette());
                applyPlotTheme(plot, lightPlotTheme());
                painter.save();
                painter.translate(target.topLeft());
                plot->toPainter(&painter, target.width(), target.height());
                painter.restore();
                applyPlotTheme(plot, screen);
            }};
}

} // namespace attnscope
