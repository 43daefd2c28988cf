// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/export_items.h"

#include "ui/board.h"
#include "ui/latency_plot.h"
#include "ui/map_pane.h"
#include "ui/metrics_model.h"
#include "ui/row_plot.h"
#include "ui/theory_panel.h"

#include <QRegularExpression>

namespace attnscope {

namespace {

constexpr QSize kPaneFigure(520, 480);
constexpr QSize kPlotFigure(720, 440);

QString stemOf(const QString& name)
{
    static const QRegularExpression other(QStringLiteral("[^a-z0-9]+"));
    QString stem = name.toLower().replace(other, QStringLiteral("_"));
    while (stem.endsWith(QLatin1Char('_')))
        stem.chop(1);
    return stem;
}

} // namespace

std::vector<FigureItem> figureItems(Board& board, RowPlot& row, LatencyPlot* latency, TheoryPanel* theory)
{
    std::vector<FigureItem> items;
    items.push_back({QObject::tr("Board"),
                     QStringLiteral("board"),
                     {board.figureSize(), [&board](QCPPainter& p, const QRect& r) { board.renderTo(p, r); }},
                     [&board](double scale) { return board.figureTiles(scale); }});
    for (std::size_t i = 0; i < board.paneCount(); ++i) {
        auto* pane = board.pane(i);
        if (pane->content().source)
            items.push_back({pane->content().title,
                             stemOf(pane->content().title),
                             {kPaneFigure, [pane](QCPPainter& p, const QRect& r) { pane->renderTo(p, r); }},
                             [pane](double scale) { return pane->figureTiles(kPaneFigure, scale); }});
    }
    if (row.query())
        items.push_back({QObject::tr("Row of the pinned query"),
                         QStringLiteral("row"),
                         {row.figureSize(), [&row](QCPPainter& p, const QRect& r) { row.renderTo(p, r); }}});
    if (latency)
        items.push_back({QObject::tr("Latency against length"), QStringLiteral("latency"), figureOf(&latency->plot(), kPlotFigure)});
    if (theory && theory->hasPlot())
        items.push_back({QObject::tr("Theory"), QStringLiteral("theory"), theory->figure(kPlotFigure)});
    return items;
}

std::vector<MapItem> mapItems(const BoardState& board)
{
    std::vector<MapItem> items;
    if (board.exact)
        items.push_back({QObject::tr("Softmax (exact)"), QStringLiteral("exact"), board.exact->map});
    for (std::size_t i = 0; i < board.approximations.size(); ++i) {
        const auto& state = board.approximations[i];
        if (!state.comparison)
            continue;
        const QString number = board.approximations.size() > 1 ? QStringLiteral("%1_").arg(i + 1) : QString();
        const QString stem = number + QString::fromStdString(state.setting.id);
        items.push_back({methodTitle(state.setting), stem, state.comparison->approximation.map});
        if (state.error)
            items.push_back({QObject::tr("Error of %1").arg(methodTitle(state.setting)), stem + QStringLiteral("_error"), state.error});
    }
    return items;
}

} // namespace attnscope
