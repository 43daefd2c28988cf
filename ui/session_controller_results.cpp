// SPDX-License-Identifier: GPL-3.0-or-later
// The controller's later jobs: the exact map, the approximations, their metrics, reference lines and thumbnails.
#include "ui/session_controller.h"

#include "core/io/param_files.h"
#include "core/method/registry.h"
#include "core/scores/difference.h"
#include "core/session/head_maps.h"
#include "core/session/measure_rows.h"
#include "core/session/time_estimate.h"
#include "ui/head_grid.h"
#include "ui/plot_theme.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kThumbnailPixels = 64;
constexpr Index kRankShare = 4;
constexpr Index kReferenceRank = 64; // of the best-rank-r line where no approximation names a rank

std::string slotName(const char* what, std::size_t index) { return std::string(what) + std::to_string(index); }

/// A comparison, or how long it would take.
struct Outcome {
    std::shared_ptr<const Comparison> comparison;
    std::optional<Error> tooLong;
};

Result<Outcome> compareSetting(const Backend& backend, const HeadResult& exact, const MethodSetting& setting, const Inputs& inputs,
                               bool evenIfLong, const RunContext& context)
{
    const auto method = requireMethod(setting.id);
    if (!method)
        return method.error();
    auto params = makeParams((*method)->info().params, setting.params, setting.seed);
    if (!params)
        return params.error();
    if (auto loaded = loadParamFiles((*method)->info().params, *params); !loaded)
        return loaded.error();
    const bool onCard = backend.id() != cpuBackend().id() && backend.supports(**method, inputs.shape(), inputs.causal);
    if (!evenIfLong && !onCard) // the estimate is the processor's
        if (auto tooLong = longRun(**method, inputs, *params, context))
            return Outcome{nullptr, std::move(tooLong)};
    auto comparison = compareWith(backend, exact, **method, inputs, *params, context);
    if (!comparison)
        return comparison.error();
    return Outcome{std::make_shared<const Comparison>(*std::move(comparison)), std::nullopt};
}

} // namespace

void SessionController::selectHead()
{
    m_board.head = inputsOf(m_board.layer, m_session.head);
    m_board.head.causal = causal();
}

void SessionController::startExact()
{
    if (!m_board.layer || !m_board.layer->contains(m_session.head))
        return startLoadLayer();
    selectHead();
    m_board.failure.reset();
    start(
        "exact", "Exact attention", Lane::Interactive,
        [inputs = m_board.head, chosen = chosenBackend()](const RunContext& context) {
            if (!chosen.note.empty())
                giveNotice(chosen.note);
            return evaluateExact(*chosen.backend, inputs, context);
        },
        [this](Result<HeadResult> exact) {
            if (!exact && exact.error().code == Errc::Cancelled) {
                auto layer = m_board.layer;
                holdLayer(cancelledByHand());
                m_board.layer = std::move(layer);
                return;
            }
            m_board.exact.reset();
            m_board.rows.reset();
            m_board.failure.reset();
            if (exact)
                m_board.exact = *exact;
            else
                m_board.failure = exact.error();
            Q_EMIT boardChanged();
            for (std::size_t i = 0; i < m_session.approximations.size(); ++i)
                startApproximation(i);
            if (exact) {
                startRowStatistics();
                startReferences();
            }
            if (std::exchange(m_thumbnailsWanted, false))
                startThumbnails();
        });
}

void SessionController::startLong(std::size_t index)
{
    if (index < m_board.approximations.size() && m_board.approximations[index].waits)
        startApproximation(index, true);
    Q_EMIT boardChanged();
}

void SessionController::startApproximation(std::size_t index, bool evenIfLong)
{
    if (!m_board.exact || index >= m_session.approximations.size())
        return;
    auto& state = m_board.approximations[index];
    state.setting = m_session.approximations[index];
    state.busy = true;
    if (std::exchange(state.waits, false))
        state.failure.reset(); // "computing" stands there from now on
    start(
        slotName("approximation", index), state.setting.id, Lane::Interactive,
        [backend = chosenBackend().backend, exact = *m_board.exact, inputs = m_board.head, setting = state.setting,
         evenIfLong](const RunContext& context) { return compareSetting(*backend, exact, setting, inputs, evenIfLong, context); },
        [this, index](const Result<Outcome>& outcome) {
            if (index >= m_board.approximations.size())
                return;
            auto& done = m_board.approximations[index];
            if (outcome && outcome->comparison) {
                done.busy = false;
                done.failure.reset();
                done.comparison = outcome->comparison;
                makeError(done);
                startMetrics(m_board.approximations, index, slotName(kMetricsSlot, index));
            } else {
                const bool cancelled = !outcome && outcome.error().code == Errc::Cancelled;
                const Error why = cancelled ? cancelledByHand() : outcome ? *outcome->tooLong : outcome.error();
                done = ApproximationState::failed(done.setting, why, cancelled || outcome.ok());
                Q_EMIT metricsChanged();
            }
            Q_EMIT boardChanged();
        });
}

void SessionController::makeError(ApproximationState& state) const
{
    if (!state.comparison)
        return;
    const auto error =
        chosenBackend().backend->difference(state.comparison->approximation.map, state.comparison->exact.map, m_session.view.metric);
    state.error = error ? *error : nullptr;
}

void SessionController::startMetrics(std::vector<ApproximationState>& list, std::size_t index, const std::string& slot)
{
    const auto comparison = list[index].comparison;
    list[index].unmeasured.reset();
    start(
        slot, "Metrics of " + list[index].setting.id, comparison->exact.map->rows() <= 1024 ? Lane::Interactive : Lane::Background,
        [comparison, rows = m_measuredQueries](const RunContext& context) {
            const bool some = !rows.empty() && rows.back() < comparison->exact.map->rows(); // else they are of another input
            return some ? measureRows(*comparison, rows, context) : measure(*comparison, context);
        },
        [this, &list, index, comparison](Result<ComparisonMetrics> metrics) {
            if (index >= list.size() || list[index].comparison != comparison)
                return;
            list[index].metrics.reset();
            if (metrics)
                list[index].metrics = *metrics;
            else
                list[index].unmeasured = metrics.error().code == Errc::Cancelled ? cancelledByHand() : metrics.error();
            Q_EMIT metricsChanged();
        });
}

void SessionController::measureAgain(std::vector<ApproximationState>& list, const char* slot)
{
    for (std::size_t i = 0; i < list.size(); ++i)
        if (list[i].comparison && list[i].unmeasured)
            startMetrics(list, i, slotName(slot, i));
}

void SessionController::setMeasuredQueries(std::vector<Index> rows)
{
    if (rows == m_measuredQueries)
        return;
    m_measuredQueries = std::move(rows);
    const auto again = [this](std::vector<ApproximationState>& list, const char* slot) {
        for (std::size_t i = 0; i < list.size(); ++i)
            if (list[i].comparison) {
                list[i].metrics.reset();
                startMetrics(list, i, slotName(slot, i));
            }
    };
    again(m_board.approximations, kMetricsSlot);
    again(m_board.references, kReferenceMetricsSlot);
    Q_EMIT metricsChanged();
}

// What the status bar says of a query's row. Of long inputs only a card computes all rows in a moment.
void SessionController::startRowStatistics()
{
    const auto* backend = chosenBackend().backend;
    const auto& map = *m_board.exact->map;
    m_board.rows = m_board.exact->rows;
    if (m_board.rows) // the output's pass over the keys gave them
        return stop("rows");
    if (comparedBySample(map.rows(), map.cols()) && !backend->computes(map))
        return stop("rows");
    start(
        "rows", "Statistics of the exact rows", Lane::Background,
        [backend, inputs = m_board.head](const RunContext& context) { return backend->rowStatistics(inputs, {}, context); },
        [this, map = m_board.exact->map](Result<RowStatistics> rows) {
            if (rows && m_board.exact && m_board.exact->map == map)
                m_board.rows = std::make_shared<const RowStatistics>(*std::move(rows));
        });
}

void SessionController::startReferences()
{
    Index rank = kReferenceRank;
    for (const auto& setting : m_session.approximations)
        for (const auto& [key, value] : setting.params)
            if (key == "rank" || key == "features")
                rank = std::max<Index>(1, std::atoll(value.c_str()));
    rank = std::clamp<Index>(rank, 1, std::max<Index>(1, m_board.exact->map->rows() / kRankShare)); // full rank says nothing
    m_board.references.assign(2, {});
    startReference(0, {"uniform", {}, 0});
    startReference(1, {"svd", {{"rank", std::to_string(rank)}}, 0});
}

void SessionController::startReference(std::size_t index, const MethodSetting& setting)
{
    m_board.references[index].setting = setting;
    start(
        slotName("reference", index), "Reference line " + setting.id, Lane::Background,
        [exact = *m_board.exact, inputs = m_board.head, setting](const RunContext& context) {
            return compareSetting(cpuBackend(), exact, setting, inputs, false, context);
        },
        [this, index](const Result<Outcome>& outcome) {
            if (index >= m_board.references.size())
                return;
            if (!outcome || !outcome->comparison) { // a reference line is not worth a long wait
                m_board.references[index].waits = !outcome && outcome.error().code == Errc::Cancelled;
                return;
            }
            m_board.references[index].comparison = outcome->comparison;
            startMetrics(m_board.references, index, slotName(kReferenceMetricsSlot, index));
        });
}

void SessionController::startThumbnails()
{
    const auto document = m_board.document;
    if (!document)
        return;
    start(
        "thumbnails", "Thumbnails of all heads", Lane::Background,
        [this, document, causal = causal(), batch = m_session.head.batch](const RunContext& context) {
            const auto show = [this, document, &context](int layer, int head, std::shared_ptr<const ScoreSource> map) -> Result<void> {
                const auto stats = headStats(*map, context);
                if (!stats)
                    return stats.error();
                const auto image = makeThumbnail(std::move(map), kThumbnailPixels, colorMap("viridis"), lightPlotTheme(), context);
                if (!image)
                    return image.error();
                QMetaObject::invokeMethod(this, [this, document, layer, head, stats = *stats, picture = *image] {
                    if (document != m_board.document)
                        return;
                    Q_EMIT headMeasured(layer, head, stats);
                    Q_EMIT thumbnailReady(layer, head, picture);
                });
                return {};
            };
            return forEachHeadMap(*document, batch, causal, context, show);
        },
        [this](const Result<int>& done) { m_thumbnailsWait = !done && done.error().code == Errc::Cancelled; });
}

} // namespace attnscope
