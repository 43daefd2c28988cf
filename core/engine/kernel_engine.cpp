// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_engine.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/plain_features.h"
#include "core/compute/plain_products.h"
#include "core/engine/kernel_causal.h"
#include "core/engine/plain_kernel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <optional>
#include <utility>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kMaxSegments = 16;
constexpr Index kMinSegment = 1024;

struct Range {
    Index first = 0;
    Index last = 0;
};

/// At most kMaxSegments segments of whole chunks; where they lie depends on the length alone, so results are the same for
/// any number of threads.
std::vector<Range> cut(Index first, Index last)
{
    const Index chunks = (last - first + kKernelChunk - 1) / kKernelChunk;
    const Index step = std::max(kMinSegment, (chunks + kMaxSegments - 1) / kMaxSegments * kKernelChunk);
    std::vector<Range> ranges;
    for (Index at = first; at < last; at += step)
        ranges.push_back({at, std::min(last, at + step)});
    return ranges;
}

HeadRef kvHeadAt(const Inputs& in, Index unit) { return {unit / in.k.heads(), unit % in.k.heads()}; }

KernelState sumKeys(const Inputs& in, const FeatureMap& map, HeadRef kvHead, Range range, const RunContext& context)
{
    KernelState state(map.features(), in.v.cols());
    FeatureBuffer buffer(kKernelChunk, map);
    Tensor scaled(1, 1, kKernelChunk, map.features());
    for (Index j = range.first; j < range.last && !context.cancelled(); j += kKernelChunk) {
        const Index rows = std::min(kKernelChunk, range.last - j);
        const auto scaledKeys = scaled.matrix().rowRange(0, rows);
        const auto x = in.k.matrix(kvHead).rowRange(j, rows);
        const auto v = in.v.matrix(kvHead).rowRange(j, rows);
        if (state.plain() && map.computePlain(Side::Key, x, scaledKeys)) {
            state.addPlain(scaledKeys, v);
            continue;
        }
        const auto keys = buffer.compute(map, Side::Key, j, x);
        const auto shift = state.raisedShift(keys);
        scaleKeys(keys, shift, scaledKeys);
        state.add(scaledKeys, shift, v);
    }
    return state;
}

/// The states of each range alone, range after range for each key/value head. None when stopped.
using States = std::vector<std::optional<KernelState>>;
std::optional<States> statesOf(const Inputs& in, const FeatureMap& map, const std::vector<Range>& ranges, const RunContext& context)
{
    const Index units = in.k.batch() * in.k.heads();
    const auto count = static_cast<Index>(ranges.size());
    States parts(static_cast<std::size_t>(units * count));
    const bool done = parallelFor(units * count, 1, context, [&](Index first, Index) {
        parts[static_cast<std::size_t>(first)] =
            sumKeys(in, map, kvHeadAt(in, first / count), ranges[static_cast<std::size_t>(first % count)], context);
    });
    return done ? std::optional(std::move(parts)) : std::nullopt;
}

/// For every key/value head the states before each range and, last, after all of them; starting from `starts`. None when stopped.
using Prefixes = std::vector<std::vector<KernelState>>;
std::optional<Prefixes> prefixStates(const Inputs& in, const FeatureMap& map, const std::vector<Range>& ranges,
                                     const std::vector<KernelState>& starts, const RunContext& context)
{
    auto parts = statesOf(in, map, ranges, context);
    if (!parts)
        return std::nullopt;
    Prefixes prefixes(starts.size());
    for (std::size_t u = 0; u < prefixes.size(); ++u) {
        auto& list = prefixes[u];
        list.push_back(starts[u]);
        for (std::size_t s = 0; s < ranges.size(); ++s) {
            auto& part = (*parts)[u * ranges.size() + s];
            list.push_back(list.back());
            list.back().merge(*part);
            part.reset();
        }
    }
    return prefixes;
}

/// The states of all keys in `ranges`, one per key/value head.
std::optional<std::vector<KernelState>> totals(const Inputs& in, const FeatureMap& map, const std::vector<Range>& ranges,
                                               const RunContext& context)
{
    auto parts = statesOf(in, map, ranges, context);
    if (!parts)
        return std::nullopt;
    std::vector<KernelState> states(static_cast<std::size_t>(in.k.batch() * in.k.heads()), KernelState(map.features(), in.v.cols()));
    for (std::size_t u = 0; u < states.size(); ++u)
        for (std::size_t s = 0; s < ranges.size(); ++s) {
            states[u].merge(*(*parts)[u * ranges.size() + s]);
            (*parts)[u * ranges.size() + s].reset();
        }
    return states;
}

/// Scratch of one worker for blocks of queries that see all keys.
class BlockAnswer {
public:
    BlockAnswer(const Inputs& in, const FeatureMap& map)
        : m_inputs(in),
          m_map(map),
          m_queries(kKernelChunk, map),
          m_scaled(1, 1, kKernelChunk, map.features()),
          m_numerators(1, 1, kKernelChunk, in.v.cols()),
          m_denominators(static_cast<std::size_t>(kKernelChunk)),
          m_logScale(static_cast<std::size_t>(kKernelChunk))
    {
    }

    void answer(HeadRef head, Index first, const StateView& view, const QuerySink& sink)
    {
        const Index rows = std::min(kKernelChunk, m_inputs.q.rows() - first);
        const auto x = m_inputs.q.matrix(head).rowRange(first, rows);
        const auto p = m_scaled.matrix().rowRange(0, rows);
        const auto numerators = m_numerators.matrix().rowRange(0, rows);
        if (view.plain() && m_map.computePlain(Side::Query, x, p))
            std::fill(m_logScale.begin(), m_logScale.end(), 0.0F);
        else
            scaleQueries(m_queries.compute(m_map, Side::Query, first, x), view.shift(), p, m_logScale);
        gemmNN(p, view.values(), numerators);
        timesVector(p, view.weights(), m_denominators);
        const auto count = static_cast<std::size_t>(rows);
        sink({head, first, numerators, std::span(m_denominators).first(count), std::span(m_logScale).first(count)});
    }

private:
    const Inputs& m_inputs;
    const FeatureMap& m_map;
    FeatureBuffer m_queries;
    Tensor m_scaled;
    Tensor m_numerators;
    std::vector<double> m_denominators;
    std::vector<float> m_logScale;
};

bool visitBidirectional(const Inputs& in, const FeatureMap& map, const RunContext& context, const QuerySink& sink)
{
    const auto states = totals(in, map, cut(0, in.k.rows()), context);
    if (!states)
        return false;
    std::vector<StateView> views;
    for (const auto& state : *states) {
        views.emplace_back(map.features(), in.v.cols());
        views.back().assign(state);
    }
    const Index blocks = (in.q.rows() + kKernelChunk - 1) / kKernelChunk;
    const Index grain = std::clamp<Index>(blocks / 8, 1, 8);
    return parallelFor(in.q.batch() * in.q.heads() * blocks, grain, context, [&](Index first, Index last) {
        BlockAnswer worker(in, map);
        for (Index b = first; b < last; ++b) {
            const HeadRef head{b / blocks / in.q.heads(), b / blocks % in.q.heads()};
            const HeadRef kv = in.kvHead(head);
            worker.answer(head, b % blocks * kKernelChunk, views[static_cast<std::size_t>(kv.batch * in.k.heads() + kv.head)], sink);
        }
    });
}

/// The segments `ranges` one after another from the state `prefix` on. False when stopped.
bool walkSegments(const Inputs& in, const FeatureMap& map, HeadRef kvHead, std::span<const Range> ranges, KernelState prefix,
                  const RunContext& context, const QuerySink& sink)
{
    CausalWalk walk(in, map, kvHead, sink);
    for (const Range range : ranges) {
        KernelState local(map.features(), in.v.cols());
        if (!walk.walk(range.first, range.last, prefix, local, context))
            return false;
        prefix.merge(local);
    }
    return true;
}

bool visitCausal(const Inputs& in, const FeatureMap& map, const RunContext& context, const QuerySink& sink)
{
    const Index units = in.k.batch() * in.k.heads();
    const Index offset = in.k.rows() - in.q.rows();
    const auto starts = totals(in, map, cut(0, offset), context);
    if (!starts)
        return false;
    // Where there are too few heads for the threads, each head is cut into runs of segments: first the sums of all segments but those
    // of the last run, from which every run gets its start, then all runs at once.
    const auto ranges = cut(offset, in.k.rows());
    const auto segments = static_cast<Index>(ranges.size());
    const Index runs = units >= context.threadCount() ? 1 : std::min<Index>(segments, (context.threadCount() + units - 1) / units);
    const auto startOf = [=](Index run) { return static_cast<std::size_t>(run * segments / runs); };
    const auto prefixes =
        prefixStates(in, map, {ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(startOf(runs - 1))}, *starts, context);
    if (!prefixes)
        return false;
    std::atomic<bool> done{true};
    const bool all = parallelFor(units * runs, 1, context, [&](Index at, Index) {
        const Index unit = at / runs;
        const std::size_t first = startOf(at % runs);
        const auto own = std::span(ranges).subspan(first, startOf(at % runs + 1) - first);
        if (!walkSegments(in, map, kvHeadAt(in, unit), own, (*prefixes)[static_cast<std::size_t>(unit)][first], context, sink))
            done = false;
    });
    return all && done;
}

} // namespace

bool visitQueries(const Inputs& inputs, const FeatureMap& map, const RunContext& context, const QuerySink& sink)
{
    return inputs.causal ? visitCausal(inputs, map, context, sink) : visitBidirectional(inputs, map, context, sink);
}

Result<Tensor> runKernel(const Inputs& inputs, const FeatureMap& map, const RunContext& context)
{
    const Shape s = inputs.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    if (const PlainRun plain = runPlainKernel(inputs, map, context, out.view()); plain == PlainRun::Done)
        return out;
    else if (plain == PlainRun::Stopped)
        return cancelledError();
    const bool done = visitQueries(inputs, map, context, [&](const QueryBlock& block) {
        const auto rows = static_cast<std::size_t>(block.numerators.rows);
        std::array<float, kKernelChunk> inverse{};
        assert(rows <= inverse.size());
        for (std::size_t i = 0; i < rows; ++i) {
            const double denominator = map.divisor(block.denominators[i], static_cast<double>(block.logScale[i]));
            inverse[i] = static_cast<float>(1.0 / denominator);
        }
        scaleRowsInto(block.numerators, inverse, out.matrix(block.head).rowRange(block.first, block.numerators.rows));
    });
    if (!done)
        return cancelledError();
    return out;
}

double kernelFlops(const Shape& s, Index features, bool causal, bool plain)
{
    const auto width = static_cast<double>(s.valueDim + 1);
    const auto m = static_cast<double>(features);
    // Within a chunk, under the diagonal: by halves, or by whole vectors of 16.
    const double met = plain ? 1.25 * static_cast<double>(kPlainChunk) : 1.5 * static_cast<double>(kKernelChunk);
    const double inside = causal ? met * (m + width) * static_cast<double>(s.queries) : 0.0;
    return static_cast<double>(s.batch * s.heads) * (2.0 * static_cast<double>(s.queries + s.keys) * m * width + inside);
}

double kernelBytes(const Shape& s, Index features, bool causal, int threads)
{
    const double state = 12.0 * static_cast<double>(features) * static_cast<double>(s.valueDim + 2);
    const auto segments = static_cast<double>(cut(0, s.keys).size() * (causal ? 2U : 1U) + 2U);
    const double scratch = 4.0 * static_cast<double>(kKernelChunk) * static_cast<double>(4 * features + s.valueDim + kKernelChunk);
    return static_cast<double>(s.batch * s.heads) * (segments * state + 4.0 * static_cast<double>(s.queries * s.valueDim)) +
           static_cast<double>(threads) * (scratch + 4.0 * state) + (causal ? plainKernelBytes(features, s.valueDim, threads) : 0.0);
}

} // namespace attnscope
