// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/figure_export.h"

#include "core/io/atomic_file.h"
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

QByteArray pngOf(const Figure& figure, const FigureOptions& options)
{
    const double scale = options.dpi / kUnitsPerInch;
    const QSizeF total = totalSize(figure, options);
    if (total.width() * total.height() * scale * scale > kMostPixels)
        return {};
    QImage image((total * scale).toSize(), QImage::Format_RGB32);
    if (image.isNull())
        return {};
    image.fill(Qt::white);
    QCPPainter painter(&image);
    painter.setModes(QCPPainter::pmNoCaching);
    painter.scale(scale, scale);
    drawAll(painter, figure, options);
    painter.end();
    image.setDotsPerMeterX(static_cast<int>(std::lround(options.dpi / 0.0254)));
    image.setDotsPerMeterY(image.dotsPerMeterX());
    image.setText(QStringLiteral("Title"), options.title);
    image.setText(QStringLiteral("Description"), options.caption);
    image.setText(QStringLiteral("Software"), QStringLiteral("Attnscope"));
    QByteArray bytes;
    QBuffer buffer(&bytes);
    return image.save(&buffer, "PNG") ? bytes : QByteArray();
}

QByteArray svgOf(const Figure& figure, const FigureOptions& options)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    QSvgGenerator svg;
    svg.setOutputDevice(&buffer);
    svg.setResolution(static_cast<int>(kUnitsPerInch));
    svg.setSize(totalSize(figure, options));
    svg.setViewBox(QRect({0, 0}, totalSize(figure, options)));
    svg.setTitle(options.title.toHtmlEscaped());
    svg.setDescription(options.caption.toHtmlEscaped());
    QCPPainter painter;
    painter.begin(&svg);
    painter.setModes(QCPPainter::pmVectorized | QCPPainter::pmNoCaching);
    drawAll(painter, figure, options);
    painter.end();
    return bytes;
}

QByteArray pdfOf(const Figure& figure, const FigureOptions& options)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter pdf(&buffer);
    const double scale = options.dpi / kUnitsPerInch;
    pdf.setResolution(static_cast<int>(std::lround(options.dpi)));
    pdf.setPageSize(QPageSize(QSizeF(totalSize(figure, options)) * 72.0 / kUnitsPerInch, QPageSize::Point, {}, QPageSize::ExactMatch));
    pdf.setPageMargins(QMarginsF());
    pdf.setTitle(options.caption.isEmpty() ? options.title : options.title + QStringLiteral(" (") + options.caption + QLatin1Char(')'));
    pdf.setCreator(QStringLiteral("Attnscope"));
    QCPPainter painter;
    if (!painter.begin(&pdf))
        return {};
    painter.setModes(QCPPainter::pmVectorized | QCPPainter::pmNoCaching);
    painter.scale(scale, scale);
    drawAll(painter, figure, options);
    painter.end();
    buffer.close();
    return bytes;
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

Result<void> exportFigure(const Figure& figure, const QString& path, const FigureOptions& options)
{
    const QByteArray bytes = options.format == FigureFormat::Png   ? pngOf(figure, options)
                             : options.format == FigureFormat::Svg ? svgOf(figure, options)
                                                                   : pdfOf(figure, options);
    if (bytes.isEmpty())
        return Error{Errc::OutOfMemory, "The figure is too large to be drawn.", "Choose fewer dots per inch or a smaller size."};
    return writeAtomically(path.toStdString(), {bytes.constData(), static_cast<std::size_t>(bytes.size())});
}

Result<void> printFigure(const Figure& figure, QPrinter& printer, const FigureOptions& options)
{
    printer.setDocName(options.title);
    QCPPainter painter;
    if (!painter.begin(&printer))
        return Error{Errc::Device, "The printer doesn't take the page.", "Choose another printer, or export a PDF with Ctrl+Shift+E."};
    painter.setModes(QCPPainter::pmVectorized | QCPPainter::pmNoCaching);
    const QSizeF page = printer.pageRect(QPrinter::DevicePixel).size();
    const QSizeF total = totalSize(figure, options);
    const double scale = std::min(page.width() / total.width(), page.height() / total.height());
    painter.scale(scale, scale);
    drawAll(painter, figure, options);
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
