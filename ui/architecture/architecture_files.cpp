// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/architecture_files.h"

#include "core/io/atomic_file.h"
#include "core/stack/read_architecture.h"
#include "core/stack/stack_memory.h"
#include "ui/architecture/bundled_architectures.h"
#include "ui/architecture/stack_colors.h"
#include "ui/architecture/stack_painter.h"
#include "ui/architecture/stack_plot.h"
#include "ui/architecture/stack_text.h"
#include "ui/pane_layout.h"
#include "ui/plot_theme.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <qcustomplot.h>

#include <cmath>

namespace attnscope {

namespace {

constexpr int kColumn = 360;
constexpr int kMargin = 10;
constexpr int kNarrowest = 1080; // of a figure with curves
constexpr int kCurves = 460;
constexpr double kDpi = 200.0;

QFont boldFont()
{
    QFont font = plotFont();
    font.setBold(true);
    return font;
}

int lineHeight() { return QFontMetrics(plotFont()).height() + 2; }

/// Draws one column, or only measures it where there is no painter; returns its height.
int paintColumn(QPainter* painter, const QRect& rect, const Architecture& a, std::size_t at)
{
    const PlotTheme theme = lightPlotTheme();
    const QString caption = QString::fromStdString(attnscope::caption(a));
    const int captionHeight =
        QFontMetrics(plotFont()).boundingRect(QRect(0, 0, rect.width(), 1000), Qt::TextWordWrap, caption).height() + 4;
    const int stack = cellGrid(static_cast<int>(a.layers.size()), rect.width()).totalHeight();
    const auto facts = factsOf(a);
    const int height = lineHeight() + captionHeight + stack + static_cast<int>(facts.size()) * lineHeight();
    if (!painter)
        return height;
    QRect line(rect.left(), rect.top(), rect.width(), lineHeight());
    painter->fillRect(line.left(), line.top() + 3, 10, 10, architectureColor(at, theme));
    painter->setFont(boldFont());
    painter->setPen(theme.foreground);
    painter->drawText(line.adjusted(16, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, QString::fromStdString(a.name));
    painter->setFont(plotFont());
    painter->drawText(QRect(rect.left(), line.bottom() + 1, rect.width(), captionHeight), Qt::AlignLeft | Qt::TextWordWrap, caption);
    paintStack(*painter, QRect(rect.left(), line.bottom() + captionHeight, rect.width(), stack), a, theme);
    line.translate(0, lineHeight() + captionHeight + stack);
    for (const Fact& fact : facts) {
        painter->setFont(plotFont());
        painter->setPen(theme.muted);
        painter->drawText(line, Qt::AlignLeft | Qt::AlignVCenter, fact.label);
        painter->setPen(theme.foreground);
        painter->drawText(line.adjusted(rect.width() / 3, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, fact.value);
        line.translate(0, lineHeight());
    }
    return height;
}

std::vector<const Architecture*> pointersTo(const std::vector<Architecture>& architectures)
{
    std::vector<const Architecture*> all;
    for (const auto& architecture : architectures)
        all.push_back(&architecture);
    return all;
}

/// Only measures where there is no painter; returns the height.
int paintStacks(QPainter* painter, const QRect& rect, const std::vector<Architecture>& architectures)
{
    const int count = std::max(1, static_cast<int>(architectures.size()));
    const int width = (rect.width() - kMargin) / count - kMargin;
    int height = 0;
    for (std::size_t i = 0; i < architectures.size(); ++i) {
        const QRect column(rect.left() + kMargin + static_cast<int>(i) * (width + kMargin), rect.top() + kMargin, width, 0);
        height = std::max(height, paintColumn(painter, column, architectures[i], i));
    }
    const QRect legend(rect.left() + kMargin, rect.top() + height + 2 * kMargin, rect.width() - 2 * kMargin, 0);
    return height + 3 * kMargin + paintStackLegend(painter, legend, pointersTo(architectures), lightPlotTheme());
}

int figureWidth(const std::vector<Architecture>& architectures, int least)
{
    return std::max(least, static_cast<int>(architectures.size()) * kColumn);
}

std::string csvCell(const std::string& text)
{
    std::string cell = "\"";
    for (const char c : text)
        cell += c == '"' ? std::string("\"\"") : std::string(1, c);
    return cell + "\"";
}

} // namespace

Figure curvesFigure(StackPlot& plot) { return figureOf(&plot.plot(), {std::max(plot.width(), kNarrowest), kCurves}); }

Figure stacksFigure(const std::vector<Architecture>& architectures)
{
    const int width = figureWidth(architectures, kColumn);
    const int height = paintStacks(nullptr, QRect(0, 0, width, 0), architectures);
    return {{width, height}, [architectures](QCPPainter& painter, const QRect& rect) { paintStacks(&painter, rect, architectures); }};
}

Figure architectureFigure(const std::vector<Architecture>& architectures, StackPlot& plot)
{
    const int width = figureWidth(architectures, kNarrowest);
    const int stacks = paintStacks(nullptr, QRect(0, 0, width, 0), architectures);
    return {{width, stacks + kCurves}, [architectures, stacks, &plot](QCPPainter& painter, const QRect& rect) {
                paintStacks(&painter, rect, architectures);
                const Figure curves = figureOf(&plot.plot(), {rect.width(), kCurves});
                curves.draw(painter, QRect(rect.left(), rect.top() + stacks, rect.width(), kCurves));
            }};
}

QString sizesCsv(const std::vector<Architecture>& architectures)
{
    std::string text = "name,decidedBy,layers,attentionLayers,kvBytesPerToken,stateBytes,weightBytes,parameters,parametersAtWork\n";
    for (const auto& a : architectures) {
        const auto parameters = parametersOf(a);
        std::string layers;
        for (const Index layer : attentionLayers(a))
            layers += (layers.empty() ? "" : " ") + std::to_string(layer);
        text += csvCell(a.name) + "," + csvCell(a.decidedBy) + "," + std::to_string(a.layers.size()) + "," + csvCell(layers);
        for (const double value : {kvBytesPerToken(a), stateBytes(a), static_cast<double>(a.elementBytes) * parameters.total,
                                   parameters.total, parameters.active})
            text += "," + QString::number(value, 'f', 0).toStdString();
        text += "\n";
    }
    return QString::fromStdString(text);
}

QString stackCaption(const StackAnswer& answer)
{
    const auto& question = answer.choice.question;
    const QString scenario = question.scenario == Scenario::Prompt     ? QObject::tr("one prompt")
                             : question.scenario == Scenario::Generate ? QObject::tr("n tokens in, n out")
                                                                       : QObject::tr("a conversation");
    const QString sure = answer.card.kernels ? QObject::tr("kernels measured here, with the spread of their repeats")
                                             : QObject::tr("within %1 % at best").arg(std::lround(100.0 * answer.card.uncertainty));
    const QString format =
        answer.choice.dtype.empty() ? QObject::tr("each in its file's number format") : QString::fromStdString(answer.choice.dtype);
    return QObject::tr("Predicted: %1 (%2), %3, batch %4, %5; no overlap, no scheduler, %6. Strips: shares of what bounds the time, or of "
                       "the bytes held.")
        .arg(QString::fromStdString(answer.card.title), QString::fromStdString(answer.card.source), scenario)
        .arg(question.batch)
        .arg(format, sure);
}

bool holdsStackSession(const QString& path)
{
    constexpr qint64 kMostBytes = qint64{16} << 20;
    QFile file(path);
    if (file.size() > kMostBytes || !file.open(QIODevice::ReadOnly))
        return false;
    return QJsonDocument::fromJson(file.readAll()).object().contains(QLatin1String(kStackSessionKey));
}

Result<StackSession> openStackFile(const QString& path)
{
    if (holdsStackSession(path))
        return loadStackSession(path.toStdString());
    auto read = readArchitecture(path.toStdString());
    if (!read)
        return read.error();
    StackEntry entry{*read, *read, path.toStdString(), {}};
    for (const auto& bundled : bundledArchitectures())
        if (QFileInfo(bundled.path) == QFileInfo(path)) {
            entry.bundled = bundled.name.toStdString();
            entry.shown.name = entry.file.name = bundled.title.toStdString();
        }
    return StackSession{{std::move(entry)}, {}};
}

Result<QStringList> renderArchitectures(const QString& path, const QString& folder)
{
    const auto session = openStackFile(path);
    if (!session)
        return session.error();
    if (!QDir().mkpath(folder))
        return Error{Errc::Io, "The folder " + folder.toStdString() + " can't be made.", "Choose a folder where you may write."};
    std::vector<Architecture> shown;
    for (const auto& entry : session->entries)
        shown.push_back(entry.shown);
    const auto answer = answerStack(*session, {});
    if (!answer)
        return answer.error();
    StackPlot plot;
    plot.resize(figureWidth(shown, kNarrowest), kCurves);
    plot.setAnswer(*answer);
    FigureOptions options;
    options.dpi = kDpi;
    options.title = QObject::tr("Architectures");
    options.caption = stackCaption(*answer);
    QStringList written;
    for (const auto& [ending, format] : {std::pair{"png", FigureFormat::Png}, {"svg", FigureFormat::Svg}, {"pdf", FigureFormat::Pdf}}) {
        options.format = format;
        written += folder + QStringLiteral("/architectures.") + QLatin1String(ending);
        if (auto done = exportFigure(architectureFigure(shown, plot), written.back(), options); !done)
            return done.error();
    }
    for (const auto& [name, text] :
         {std::pair{"curves.csv", curvesCsv(answer->architectures, answer->curves)}, {"sizes.csv", sizesCsv(shown)}}) {
        written += folder + QLatin1Char('/') + QLatin1String(name);
        if (auto done = writeAtomically(written.back().toStdString(), text.toStdString()); !done)
            return done.error();
    }
    return written;
}

} // namespace attnscope
