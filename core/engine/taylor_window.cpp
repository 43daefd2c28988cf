// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/taylor_window.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/kernel_state.h"
#include "core/engine/taylor_features.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kChunk = 128;
constexpr Index kMaxSegments = 16;
constexpr Index kMinSegment = 4; // chunks

Index chunksOf(Index keys) { return (keys + kChunk - 1) / kChunk; }
Index reachOf(Index side, Index keys) { return std::min(chunksOf(keys), (side + kChunk - 1) / kChunk); }

/// Sums over keys of phi(k) [v, 1], relative to a scale common to the head's keys.
using Sums = std::vector<double>;

/// What one head's chunks share.
class Problem {
public:
    Problem(const Inputs& in, HeadRef head, const TaylorWindow& window, Index valueDim)
        : q(in.qOf(head)),
          k(in.kOf(head)),
          v(in.vOf(head)),
          scale(in.effectiveScale()),
          side(window.side),
          offset(k.rows - q.rows),
          width(valueDim + 1),
          chunks(chunksOf(k.rows)),
          reach(reachOf(side, k.rows)),
          causal(in.causal),
          projected(window.projection != nullptr),
          projectedQ(projectedRows(q, window.projection.get())),
          projectedK(projectedRows(k, window.projection.get())),
          map(makeTaylorFeatures(projectedQ.cols(), nullptr, scale))
    {
        float longest = 0.0F;
        for (Index j = 0; j < k.rows; ++j) {
            float square = 0.0F;
            for (const float x : projectedK.matrix().rowSpan(j))
                square += x * x;
            longest = std::max(longest, square);
        }
        keyLog = std::log(std::max(1.0F, scale * longest));
    }

    std::size_t stateSize() const { return static_cast<std::size_t>(map->features() * width); }

    /// The chunks that are computed cell by cell for the queries that stand in chunk b, and whether others are left.
    Index nearFirst(Index b) const { return std::max<Index>(0, b - reach); }
    Index nearLast(Index b) const { return std::min(chunks, b + (causal ? 0 : reach) + 1); }
    bool hasFar(Index b) const { return nearFirst(b) > 0 || (!causal && nearLast(b) < chunks); }

    MatrixView<const float> q, k, v;
    float scale;
    Index side;
    Index offset;
    Index width; ///< values and a one
    Index chunks;
    Index reach; ///< in chunks
    bool causal;
    bool projected;
    Tensor projectedQ, projectedK;
    std::unique_ptr<const FeatureMap> map;
    float keyLog = 0.0F; ///< of the scale of the sums
};

/// Adds single chunks of keys to sums; scratch of one worker.
class ChunkSums {
public:
    explicit ChunkSums(const Problem& p)
        : m_problem(p), m_features(kChunk, *p.map), m_values(1, 1, kChunk, p.width), m_sums(1, 1, p.map->features(), p.width)
    {
    }

    void add(Index chunk, double sign, Sums& to)
    {
        const Index first = chunk * kChunk;
        const Index rows = std::min(kChunk, m_problem.k.rows - first);
        const FeatureRows keys = m_features.compute(*m_problem.map, Side::Key, first, m_problem.projectedK.matrix().rowRange(first, rows));
        for (Index j = 0; j < rows; ++j) {
            scaleRow(keys.values.rowSpan(j), std::exp(keys.logScale[static_cast<std::size_t>(j)] - m_problem.keyLog));
            const auto row = m_values.matrix().rowSpan(j);
            std::copy_n(m_problem.v.row(first + j), m_problem.width - 1, row.begin());
            row.back() = 1.0F;
        }
        gemmTN(keys.values, m_values.matrix().rowRange(0, rows), m_sums.matrix());
        std::transform(to.begin(), to.end(), m_sums.data(), to.begin(),
                       [sign](double total, float x) { return total + sign * static_cast<double>(x); });
    }

private:
    const Problem& m_problem;
    FeatureBuffer m_features;
    Tensor m_values;
    Tensor m_sums;
};

/// Answers the queries of chunk after chunk; scratch of one worker.
class Walk {
public:
    Walk(const Problem& p, MatrixView<float> out, std::span<RowNorm> norms)
        : m_problem(p),
          m_out(out),
          m_norms(norms),
          m_sums(p),
          m_queries(kChunk, *p.map),
          m_state(1, 1, p.map->features(), p.width),
          m_far(1, 1, kChunk, p.width),
          m_cells(1, 1, kChunk, nearKeys()),
          m_taylor(1, 1, p.projected ? kChunk : 0, nearKeys())
    {
    }

    /// The queries that stand in the chunks [first, last). `before`: sums of the chunks before nearFirst(first); `total`: of all
    /// chunks, where not causal. False when stopped.
    bool walk(Index first, Index last, Sums before, const Sums& total, const RunContext& context)
    {
        Sums near(m_problem.causal ? 0 : m_problem.stateSize(), 0.0);
        for (Index c = m_problem.nearFirst(first); !m_problem.causal && c < m_problem.nearLast(first); ++c)
            m_sums.add(c, 1.0, near);
        for (Index b = first; b < last; ++b) {
            if (context.cancelled())
                return false;
            if (b > first)
                advance(b, before, near);
            if (m_problem.hasFar(b))
                for (std::size_t i = 0; i < m_problem.stateSize(); ++i)
                    m_state.data()[i] = static_cast<float>(m_problem.causal ? before[i] : total[i] - near[i]);
            answer(b);
        }
        return true;
    }

private:
    Index nearKeys() const { return std::min(m_problem.k.rows, (2 * m_problem.reach + 1) * kChunk); }

    void advance(Index b, Sums& before, Sums& near)
    {
        const Index left = m_problem.nearFirst(b) - 1;
        if (m_problem.nearFirst(b) > m_problem.nearFirst(b - 1))
            m_sums.add(left, m_problem.causal ? 1.0 : -1.0, m_problem.causal ? before : near);
        if (!m_problem.causal && m_problem.nearLast(b) > m_problem.nearLast(b - 1))
            m_sums.add(m_problem.nearLast(b) - 1, 1.0, near);
    }

    void answer(Index b)
    {
        const Index first = std::max<Index>(0, b * kChunk - m_problem.offset);
        const Index rows = std::min(m_problem.q.rows, (b + 1) * kChunk - m_problem.offset) - first;
        if (rows <= 0)
            return;
        const Index keyFirst = m_problem.nearFirst(b) * kChunk;
        const Index keys = std::min(m_problem.k.rows, m_problem.nearLast(b) * kChunk) - keyFirst;
        const MatrixView<float> cells{m_cells.data(), rows, keys, keys};
        gemmNT(m_problem.q.rowRange(first, rows), m_problem.k.rowRange(keyFirst, keys), cells, m_problem.scale);
        MatrixView<float> taylor = cells;
        if (m_problem.projected) {
            taylor = {m_taylor.data(), rows, keys, keys};
            gemmNT(m_problem.projectedQ.matrix().rowRange(first, rows), m_problem.projectedK.matrix().rowRange(keyFirst, keys), taylor,
                   m_problem.scale);
        }
        const bool hasFar = m_problem.hasFar(b);
        FeatureRows queries;
        const auto far = m_far.matrix().rowRange(0, rows);
        if (hasFar) {
            queries = m_queries.compute(*m_problem.map, Side::Query, first, m_problem.projectedQ.matrix().rowRange(first, rows));
            gemmNN(queries.values, m_state.matrix(), far);
        }
        for (Index i = 0; i < rows; ++i)
            finishRow(first + i, keyFirst, cells.rowSpan(i), taylor.rowSpan(i), hasFar ? far.rowSpan(i) : std::span<float>(),
                      hasFar ? queries.logScale[static_cast<std::size_t>(i)] + m_problem.keyLog : 0.0F);
        if (m_out.data == nullptr)
            return;
        // finishRow left weights over their sums in the cells, and the far part of the output in the output.
        gemmNN(cells, m_problem.v.rowRange(keyFirst, keys), m_out.rowRange(first, rows), 1.0F, Into::Add);
    }

    void finishRow(Index query, Index keyFirst, std::span<float> cells, std::span<const float> taylor, std::span<const float> far,
                   float farLog)
    {
        const Index place = query + m_problem.offset - keyFirst;
        const auto keys = static_cast<Index>(cells.size());
        const Index begin = std::clamp<Index>(place - m_problem.side, 0, keys);
        const Index end = std::clamp<Index>(place + (m_problem.causal ? 0 : m_problem.side) + 1, begin, keys);
        const auto inside = cells.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
        const float shift = std::max({0.0F, rowMax(inside), far.empty() ? 0.0F : farLog});
        const float fade = std::exp(-shift);
        const auto weigh = [&](Index from, Index to) {
            for (Index j = from; j < to; ++j)
                cells[static_cast<std::size_t>(j)] = fade * taylorOf(taylor[static_cast<std::size_t>(j)]);
        };
        weigh(0, begin);
        weigh(end, m_problem.causal ? end : keys);
        if (m_problem.causal)
            std::fill(cells.begin() + end, cells.end(), 0.0F);
        expRow(inside, shift);
        const double farFactor = far.empty() ? 0.0 : std::exp(static_cast<double>(farLog) - static_cast<double>(shift));
        const double sum = rowSum(cells) + (far.empty() ? 0.0 : farFactor * static_cast<double>(far.back()));
        if (!m_norms.empty())
            m_norms[static_cast<std::size_t>(query)] = {shift, sum};
        if (m_out.data == nullptr)
            return;
        scaleRow(cells, static_cast<float>(1.0 / sum));
        const auto out = m_out.rowSpan(query);
        std::fill(out.begin(), out.end(), 0.0F);
        if (!far.empty())
            std::transform(far.begin(), far.end() - 1, out.begin(),
                           [f = farFactor / sum](float x) { return static_cast<float>(f * static_cast<double>(x)); });
    }

    const Problem& m_problem;
    MatrixView<float> m_out;
    std::span<RowNorm> m_norms;
    ChunkSums m_sums;
    FeatureBuffer m_queries;
    Tensor m_state;
    Tensor m_far;
    Tensor m_cells;
    Tensor m_taylor;
};

/// First chunks of segments that threads share, and the end; they depend on the length alone.
std::vector<Index> segmentsOf(Index firstChunk, Index chunks)
{
    const Index step = std::max(kMinSegment, (chunks - firstChunk + kMaxSegments - 1) / kMaxSegments);
    std::vector<Index> borders;
    for (Index c = firstChunk; c < chunks; c += step)
        borders.push_back(c);
    borders.push_back(chunks);
    return borders;
}

/// The sums before nearFirst of each segment's first chunk, and of all chunks last; empty when stopped.
std::vector<Sums> segmentStates(const Problem& p, const std::vector<Index>& borders, const RunContext& context)
{
    std::vector<Index> cuts{0};
    for (std::size_t s = 0; s + 1 < borders.size(); ++s)
        cuts.push_back(p.nearFirst(borders[s]));
    cuts.push_back(p.causal ? cuts.back() : p.chunks); // nobody asks for the total of a causal walk
    std::vector<Sums> states(cuts.size() - 1, Sums(p.stateSize(), 0.0));
    const bool done = parallelFor(static_cast<Index>(states.size()), 1, context, [&](Index s, Index) {
        const auto at = static_cast<std::size_t>(s);
        if (cuts[at] == cuts[at + 1])
            return;
        ChunkSums sums(p);
        for (Index c = cuts[at]; c < cuts[at + 1] && !context.cancelled(); ++c)
            sums.add(c, 1.0, states[at]);
    });
    if (!done || context.cancelled())
        return {};
    for (std::size_t s = 1; s < states.size(); ++s)
        std::transform(states[s].begin(), states[s].end(), states[s - 1].begin(), states[s].begin(), std::plus<>());
    return states;
}

} // namespace

bool walkTaylorWindow(const Inputs& inputs, HeadRef head, const TaylorWindow& window, MatrixView<float> out, std::span<RowNorm> norms,
                      const RunContext& context)
{
    const Problem problem(inputs, head, window, out.data == nullptr ? 0 : out.cols);
    const auto borders = segmentsOf(problem.offset / kChunk, problem.chunks);
    auto states = segmentStates(problem, borders, context);
    if (states.empty())
        return false;
    std::atomic<bool> whole{true};
    const bool done = parallelFor(static_cast<Index>(borders.size()) - 1, 1, context, [&](Index s, Index) {
        const auto at = static_cast<std::size_t>(s);
        if (!Walk(problem, out, norms).walk(borders[at], borders[at + 1], states[at], states.back(), context))
            whole = false;
    });
    return done && whole;
}

double taylorWindowFlops(const Shape& s, Index side, Index taylorDim, bool causal)
{
    const auto n = static_cast<double>(s.queries);
    const auto m = static_cast<double>(taylorCount(taylorDim));
    const auto width = static_cast<double>(s.valueDim + 1);
    const double near = std::min(static_cast<double>(s.keys), static_cast<double>((causal ? 1 : 2) * side + 1 + kChunk));
    const double logits = static_cast<double>(s.dim + (taylorDim < s.dim ? taylorDim : 0));
    return static_cast<double>(s.batch * s.heads) *
           (2.0 * m * width * (n + (causal ? 1.0 : 3.0) * static_cast<double>(s.keys)) + 2.0 * n * near * (logits + width));
}

double taylorWindowBytes(const Shape& s, Index side, Index taylorDim, bool causal, int threads)
{
    const auto m = static_cast<double>(taylorCount(taylorDim));
    const auto width = static_cast<double>(s.valueDim + 1);
    const auto segments = static_cast<double>(segmentsOf((s.keys - std::min(s.keys, s.queries)) / kChunk, chunksOf(s.keys)).size() + 1);
    const auto near = static_cast<double>(std::min(s.keys, (2 * reachOf(side, s.keys) + 1) * kChunk));
    const double worker = 4.0 * static_cast<double>(kChunk) * (2.0 * m + 2.0 * near + 2.0 * width) + m * width * (causal ? 16.0 : 24.0);
    return segments * 8.0 * m * width + static_cast<double>(threads) * worker + 4.0 * static_cast<double>((s.queries + s.keys) * s.dim);
}

} // namespace attnscope
