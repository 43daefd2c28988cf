// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/board_presenter.h"

#include "core/color/color_scale.h"
#include "core/method/registry.h"
#include "ui/metrics_model.h"

namespace attnscope {

namespace {

QString shortTitle(const MethodSetting& setting)
{
    const auto* method = findMethod(setting.id);
    return method ? QString::fromStdString(method->info().title) : QString::fromStdString(setting.id);
}

QString sentence(const Error& error) { return QString::fromStdString(error.what + " " + error.hint); }

/// "f16 · cuda:0", "f32 · cpu, not cuda:0", or both where map and output were computed in different places.
QString placeText(const HeadResult& result, const ComputeChoice& asked)
{
    const auto text = [&asked](const Place& place) {
        const auto there = QString::fromStdString(place.text());
        return place.backend == asked.backend ? there : QObject::tr("%1, not %2").arg(there, QString::fromStdString(asked.backend));
    };
    if (result.mapPlace == result.outputPlace || !result.output)
        return text(result.mapPlace);
    return QObject::tr("map %1, output %2").arg(text(result.mapPlace), text(result.outputPlace));
}

QString parametersText(const ApproximationState& state, const ComputeChoice& asked)
{
    QString text = state.comparison ? placeText(state.comparison->approximation, asked) : QString();
    const QString title = methodTitle(state.setting);
    const QString plain = shortTitle(state.setting);
    if (title.size() > plain.size())
        text += (text.isEmpty() ? QString() : QStringLiteral(" · ")) + title.mid(plain.size()).trimmed();
    if (state.comparison && state.comparison->change.any())
        text += QStringLiteral(" · ") + QString::fromStdString(state.comparison->change.explanation());
    return text;
}

PaneContent exactPane(const BoardState& board, const ComputeChoice& asked)
{
    PaneContent pane{QObject::tr("Softmax (exact)"), {}, PaneContent::Kind::Exact, nullptr, {}};
    if (board.exact) {
        pane.source = board.exact->map;
        pane.subtitle = placeText(*board.exact, asked);
        pane.subtitle += board.exact->causal ? QObject::tr(" · causal") : QObject::tr(" · bidirectional");
        if (board.exact->window > 0)
            pane.subtitle += QObject::tr(" · window %1").arg(board.exact->window);
    } else
        pane.message = board.failure ? sentence(*board.failure) : QObject::tr("computing…");
    return pane;
}

PaneContent approximationPane(const ApproximationState& state, const ComputeChoice& asked)
{
    PaneContent pane{shortTitle(state.setting), parametersText(state, asked), PaneContent::Kind::Approximation, nullptr, {}};
    if (state.comparison)
        pane.source = state.comparison->approximation.map;
    else
        pane.message = state.failure ? sentence(*state.failure) : QObject::tr("computing…");
    return pane;
}

PaneContent errorPane(const ApproximationState& state, DifferenceMetric metric)
{
    const char* what = metric == DifferenceMetric::Error     ? "Error: %1 − exact"
                       : metric == DifferenceMetric::Abs     ? "Absolute error of %1"
                       : metric == DifferenceMetric::Squared ? "Squared error of %1"
                                                             : "Relative error of %1";
    PaneContent pane{QObject::tr(what).arg(shortTitle(state.setting)), {}, PaneContent::Kind::Error, state.error, {}};
    if (state.metrics)
        pane.subtitle = QObject::tr("|A − Â| / |A| = %1 · row TV %2")
                            .arg(QString::fromStdString(formatValue(state.metrics->map.relFrobenius)),
                                 QString::fromStdString(formatValue(state.metrics->map.totalVariation)));
    if (!state.error)
        pane.message = state.failure ? QObject::tr("No error map without an approximation.") : QObject::tr("computing…");
    return pane;
}

QString tokenText(const BoardState& board, Index at)
{
    const auto& tokens = board.document->info().tokens;
    return at < static_cast<Index>(tokens.size())
               ? QStringLiteral(" “%1”").arg(QString::fromStdString(tokens[static_cast<std::size_t>(at)]))
               : QString();
}

QString valueText(const ScoreSource& source, Index query, Index key)
{
    const auto value = source.cell(query, key);
    return value.ok() ? QString::fromStdString(formatValue(*value)) : QStringLiteral("–");
}

/// "row: entropy 1.92 nats, largest 0.412 on key 12 “whale”".
QString rowText(const BoardState& board, Index query)
{
    if (!board.rows || query >= board.rows->rows())
        return {};
    const auto at = static_cast<std::size_t>(query);
    const Index key = board.rows->topKeys[at * static_cast<std::size_t>(kTopWeights)];
    return QObject::tr("row: entropy %1 nats, largest %2 on key %3%4")
        .arg(QString::fromStdString(formatValue(board.rows->entropy[at])), QString::fromStdString(formatValue(board.rows->largest(query))))
        .arg(key)
        .arg(tokenText(board, key));
}

} // namespace

std::vector<PaneContent> panesOf(const BoardState& board, const Session& session)
{
    if (!board.document)
        return {{QObject::tr("Softmax (exact)"),
                 {},
                 PaneContent::Kind::Exact,
                 nullptr,
                 board.failure ? sentence(*board.failure) : QObject::tr("Opening the input…")}};
    std::vector<PaneContent> panes{exactPane(board, session.compute)};
    for (const auto& state : board.approximations)
        panes.push_back(approximationPane(state, session.compute));
    for (const auto& state : board.approximations)
        panes.push_back(errorPane(state, session.view.metric));
    if (session.view.hideSink)
        for (auto& pane : panes)
            pane.subtitle.prepend(pane.subtitle.isEmpty() ? QObject::tr("key 0 hidden") : QObject::tr("key 0 hidden · "));
    return panes;
}

std::vector<MapCell> pinsOf(const ViewChoice& view)
{
    std::vector<MapCell> pins;
    for (const auto& [query, key] : view.morePins)
        pins.push_back({query, key});
    if (view.pinnedQuery)
        pins.push_back({*view.pinnedQuery, view.pinnedKey.value_or(0)});
    return pins;
}

void setPins(ViewChoice& view, const std::vector<MapCell>& pins)
{
    view.unpin();
    if (pins.empty())
        return;
    for (std::size_t i = 0; i + 1 < pins.size(); ++i)
        view.morePins.emplace_back(pins[i].query, pins[i].key);
    view.pinnedQuery = pins.back().query;
    view.pinnedKey = pins.back().key;
}

QStringList tokensOf(const BoardState& board)
{
    QStringList tokens;
    if (board.document)
        for (const auto& token : board.document->info().tokens)
            tokens += QString::fromStdString(token);
    return tokens;
}

QString hoverText(const BoardState& board, Index query, Index key)
{
    if (!board.document || !board.exact || query < 0 || key < 0 || query >= board.exact->map->rows() || key >= board.exact->map->cols())
        return {};
    QStringList parts{QObject::tr("query %1%2").arg(query).arg(tokenText(board, query)),
                      QObject::tr("key %1%2").arg(key).arg(tokenText(board, key)), QObject::tr("distance %1").arg(query - key)};
    parts += !board.exact->map->visible(query).contains(key) ? QObject::tr("masked")
                                                             : QObject::tr("exact %1").arg(valueText(*board.exact->map, query, key));
    for (const auto& state : board.approximations)
        if (state.comparison && state.error)
            parts += QStringLiteral("%1 %2 (%3)")
                         .arg(QString::fromStdString(state.setting.id), valueText(*state.comparison->approximation.map, query, key),
                              valueText(*state.error, query, key));
    if (const QString row = rowText(board, query); !row.isEmpty())
        parts += row;
    return parts.join(QStringLiteral("  ·  "));
}

QString captionOf(const BoardState& board, const Session& session)
{
    if (!board.document)
        return {};
    const auto& info = board.document->info();
    QStringList parts{QString::fromStdString(info.title), QString::fromStdString(info.detail)};
    if (info.layerNames.size() > 1)
        parts += QString::fromStdString(info.layerNames[static_cast<std::size_t>(session.layer)]);
    parts += QObject::tr("head %1").arg(session.head.head);
    if (board.exact)
        parts += board.exact->causal ? QObject::tr("causal") : QObject::tr("bidirectional");
    if (board.exact && board.exact->window > 0)
        parts += QObject::tr("window %1").arg(board.exact->window);
    for (const auto& state : board.approximations)
        parts += methodTitle(state.setting) +
                 (state.metrics ? QObject::tr(": map error %1").arg(QString::fromStdString(formatValue(state.metrics->map.relFrobenius)))
                                : QString());
    return parts.join(QStringLiteral(" · "));
}

} // namespace attnscope
