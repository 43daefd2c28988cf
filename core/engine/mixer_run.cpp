// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_run.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/fetch_ahead.h"
#include "core/compute/mixer_ops.h"
#include "core/engine/mixer_steps.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

namespace attnscope {

namespace {

constexpr Index kGroup = 64;                   // chunks of one head that threads share before the states between them are computed
constexpr Index kGroupStates = 256;            // the same where only states are kept of each
constexpr Index kGroupFloats = Index{1} << 21; // that those states may take

Index chunksOf(const MixerFactors& f) { return (f.tokens + kMixerChunk - 1) / kMixerChunk; }

using Rows = MatrixView<const float>;

Rows valuesOf(const MixerSteps& steps, Rows v) { return v.rowRange(steps.place().first, steps.place().rows); }

MatrixView<float> outputsOf(const MixerSteps& steps, MatrixView<float> out)
{
    return out.rowRange(steps.place().firstQuery, steps.place().queries);
}

/// While the products of chunk c are computed, the rows of the next one come nearer.
void fetchNext(const MixerFactors& f, Rows v, Rows out, Index c)
{
    FetchAhead& ahead = FetchAhead::ofThread();
    ahead.clear();
    if (c + 1 >= chunksOf(f))
        return;
    const ChunkPlace next = ChunkPlace::of(f, c + 1);
    ahead.add(f.q.rowRange(next.firstQuery, next.queries));
    const Rows erase = f.erase.data == f.write.data ? Rows() : f.erase;
    const Rows correct = f.correct.data == f.erase.data ? Rows() : f.correct;
    for (const Rows& rows : {v, f.write, erase, correct})
        if (rows.rows > next.first)
            ahead.add(rows.rowRange(next.first, next.rows));
    ahead.add(out.rowRange(next.firstQuery, next.queries)); // a line is read before a part of it is written
}

void runHead(const MixerFactors& f, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    MixerState state(f.width(), v.cols);
    MixerSteps steps;
    Tensor solved(1, 1, kMixerChunk, v.cols);
    for (Index c = 0; c < chunksOf(f) && !context.cancelled(); ++c) {
        fetchNext(f, v, out, c);
        steps.prepare(f, c, v.cols);
        const auto values = valuesOf(steps, v);
        const auto u = solved.matrix().rowRange(0, values.rows);
        state.solve(steps, values, u);
        steps.answer(f, state.values(), values, u, outputsOf(steps, out));
        state.advance(steps, values, u);
    }
    FetchAhead::ofThread().clear();
}

constexpr Index kStateRows = 16; // of a state that a thread takes at once

/// The state of one head under erasure while its chunks go by in groups: columns of the values never meet, so that each thread walks
/// along the chunks with some of them.
class GroupedState {
public:
    GroupedState(const MixerFactors& f, Index valueDim, int threads)
        : m_part(std::max<Index>(1, ((valueDim + threads - 1) / threads + 15) / 16 * 16)) // whole vectors
    {
        for (Index column = 0; column < valueDim; column += m_part)
            m_columns.emplace_back(f.width(), std::min(m_part, valueDim - column));
    }

    /// before[c] becomes the state before chunk c, solved[c] its U.
    bool pass(const std::vector<MixerSteps>& chunks, Index count, Rows v, std::vector<Tensor>& before, std::vector<Tensor>& solved,
              const RunContext& context)
    {
        return parallelFor(static_cast<Index>(m_columns.size()), 1, context, [&](Index part, Index) {
            MixerState& state = m_columns[static_cast<std::size_t>(part)];
            const Index first = part * m_part;
            const auto now = state.values();
            for (Index c = 0; c < count && !context.cancelled(); ++c) {
                const auto at = static_cast<std::size_t>(c);
                const auto kept = before[at].matrix();
                for (Index r = 0; r < now.rows; ++r)
                    std::copy_n(now.row(r), now.cols, kept.row(r) + first);
                const MixerSteps& steps = chunks[at];
                const auto place = steps.place();
                const Rows values{v.row(place.first) + first, place.rows, now.cols, v.stride};
                const MatrixView<float> u{solved[at].data() + first, place.rows, now.cols, v.cols};
                state.solve(steps, values, u);
                state.advance(steps, values, u);
            }
        });
    }

private:
    Index m_part;
    std::vector<MixerState> m_columns;
};

std::vector<Tensor> makeMatrices(Index count, Index rows, Index cols)
{
    std::vector<Tensor> made;
    for (Index c = 0; c < count; ++c)
        made.emplace_back(1, 1, rows, cols);
    return made;
}

/// By groups of chunks: all chunks of a group at once, then the states between them one by one, then all outputs at once.
void runErasingInGroups(const MixerFactors& f, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    GroupedState state(f, v.cols, context.threadCount());
    const Index size = std::min(kGroup, chunksOf(f));
    std::vector<MixerSteps> chunks(static_cast<std::size_t>(size));
    std::vector<Tensor> before = makeMatrices(size, f.width(), v.cols);
    std::vector<Tensor> solved = makeMatrices(size, kMixerChunk, v.cols);
    const auto at = [](Index c) { return static_cast<std::size_t>(c); };
    for (Index c0 = 0; c0 < chunksOf(f) && !context.cancelled(); c0 += size) {
        const Index count = std::min(size, chunksOf(f) - c0);
        if (!parallelFor(count, 1, context, [&](Index c, Index) { chunks[at(c)].prepare(f, c0 + c, v.cols); }) ||
            !state.pass(chunks, count, v, before, solved, context))
            return;
        parallelFor(count, 1, context, [&](Index c, Index) {
            const MixerSteps& steps = chunks[at(c)];
            steps.answer(f, std::as_const(before[at(c)]).matrix(), valuesOf(steps, v),
                         std::as_const(solved[at(c)]).matrix().rowRange(0, steps.place().rows), outputsOf(steps, out));
        });
    }
}

/// e^G of a chunk.
struct Decay {
    std::vector<double> factors;
    bool shared = false; ///< by what the chunk adds

    double of(Index row) const { return factors.size() > 1 ? factors[static_cast<std::size_t>(row)] : factors[0]; }
};

/// The same without erasure, where what a chunk adds doesn't depend on the state: only that is kept, and the rest made again when
/// the state is known, so that it never leaves the nearer caches.
void runInGroups(const MixerFactors& f, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    std::vector<double> sums(static_cast<std::size_t>(f.width() * v.cols), 0.0);
    const Index most = std::clamp<Index>(kGroupFloats / std::max<Index>(1, f.width() * v.cols), kGroup / 2, kGroupStates);
    const Index size = std::min(most, chunksOf(f));
    std::vector<Tensor> states = makeMatrices(size, f.width(), v.cols);
    std::vector<Decay> decays(static_cast<std::size_t>(size));
    const auto at = [](Index c) { return static_cast<std::size_t>(c); };
    const auto stepsOf = []() -> MixerSteps& {
        thread_local MixerSteps steps;
        return steps;
    };
    const Index grain = std::max<Index>(1, size / (4 * context.threadCount()));
    for (Index c0 = 0; c0 < chunksOf(f) && !context.cancelled(); c0 += size) {
        const Index count = std::min(size, chunksOf(f) - c0);
        bool going = parallelFor(count, grain, context, [&](Index first, Index last) {
            MixerSteps& steps = stepsOf();
            for (Index c = first; c < last && !context.cancelled(); ++c) {
                steps.prepareWrites(f, c0 + c, v.cols);
                steps.writeInto(valuesOf(steps, v), {}, states[at(c)].matrix());
                decays[at(c)].factors.assign(steps.factors().begin(), steps.factors().end());
                decays[at(c)].shared = steps.endsGrown();
            }
        });
        going = going && parallelFor(f.width(), kStateRows, context, [&](Index first, Index last) {
                    const auto cols = static_cast<std::size_t>(v.cols);
                    for (Index c = 0; c < count; ++c)
                        for (Index r = first; r < last; ++r)
                            advanceThrough(std::span(sums).subspan(at(r) * cols, cols), decays[at(c)].of(r),
                                           states[at(c)].matrix().rowSpan(r), decays[at(c)].shared ? decays[at(c)].of(r) : 1.0);
                });
        if (!going)
            return;
        parallelFor(count, grain, context, [&](Index first, Index last) {
            MixerSteps& steps = stepsOf();
            for (Index c = first; c < last && !context.cancelled(); ++c) {
                steps.prepare(f, c0 + c, v.cols);
                steps.answer(f, std::as_const(states[at(c)]).matrix(), valuesOf(steps, v), {}, outputsOf(steps, out));
            }
        });
    }
}

void runHeadInGroups(const MixerFactors& f, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    f.erases() ? runErasingInGroups(f, v, out, context) : runInGroups(f, v, out, context);
}

/// S_t in float64, straight from the recurrence.
class TokenState {
public:
    TokenState(const MixerFactors& f, Index valueDim)
        : m_factors(f), m_sums(static_cast<std::size_t>(f.width() * valueDim), 0.0), m_erased(static_cast<std::size_t>(valueDim))
    {
    }

    void decay(Index t)
    {
        const auto& g = m_factors.logDecay;
        if (g.rows == 0)
            return;
        const float* row = tokenRow(g, t);
        double factor = std::exp(static_cast<double>(row[0]));
        for (Index k = 0; k < m_factors.width(); ++k) {
            if (g.cols > 1)
                factor = std::exp(static_cast<double>(row[k]));
            std::transform(sums(k), sums(k) + dim(), sums(k), [factor](double x) { return factor * x; });
        }
    }
    /// Y = a_tᵀ S.
    void readErased(Index t)
    {
        std::fill(m_erased.begin(), m_erased.end(), 0.0);
        if (m_factors.erases())
            addRead(m_factors.erase.row(t), strengthOf(m_factors.eraseStrength, t), m_erased.data());
    }
    void write(Index t, const float* v)
    {
        const MixerFactors& f = m_factors;
        const double strength = strengthOf(f.strength, t);
        const double correction = strengthOf(f.correctStrength, t);
        for (Index k = 0; k < f.width(); ++k) {
            const double b = strength * static_cast<double>(tokenRow(f.write, t)[k]);
            const double c = !f.erases() ? 0.0 : f.correct.rows > 0 ? correction * static_cast<double>(f.correct(t, k)) : -b;
            for (Index d = 0; d < dim(); ++d)
                sums(k)[d] += b * static_cast<double>(v[d]) + c * m_erased[static_cast<std::size_t>(d)];
        }
    }
    /// to += factor xᵀ S.
    void addRead(const float* x, double factor, double* to) const
    {
        for (Index k = 0; k < m_factors.width(); ++k)
            for (Index d = 0; d < dim(); ++d)
                to[d] += factor * static_cast<double>(x[k]) * m_sums[static_cast<std::size_t>(k * dim() + d)];
    }

private:
    static double strengthOf(const Rows& strength, Index t)
    {
        return strength.rows > 0 ? static_cast<double>(*tokenRow(strength, t)) : 1.0;
    }
    Index dim() const { return static_cast<Index>(m_erased.size()); }
    double* sums(Index k) { return m_sums.data() + k * dim(); }

    const MixerFactors& m_factors;
    std::vector<double> m_sums;
    std::vector<double> m_erased;
};

void runHeadByTokens(const MixerFactors& f, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    TokenState state(f, v.cols);
    std::vector<double> row(static_cast<std::size_t>(v.cols));
    std::vector<float> owns(f.hasOwn() ? static_cast<std::size_t>(f.queries()) : 0);
    if (f.hasOwn())
        f.readOwn(0, owns);
    for (Index t = 0; t < f.tokens && !context.cancelled(); ++t) {
        const Index i = t - f.offset();
        std::fill(row.begin(), row.end(), 0.0);
        if (i >= 0 && f.readsUndecayed)
            state.addRead(f.q.row(i), static_cast<double>(f.scale), row.data());
        if (f.erasesUndecayed)
            state.readErased(t);
        state.decay(t);
        if (!f.erasesUndecayed)
            state.readErased(t);
        if (i >= 0 && f.skipsOwn && !f.readsUndecayed)
            state.addRead(f.q.row(i), static_cast<double>(f.scale), row.data());
        state.write(t, v.row(t));
        if (i < 0)
            continue;
        if (!f.skipsOwn && !f.readsUndecayed)
            state.addRead(f.q.row(i), static_cast<double>(f.scale), row.data());
        const double own = owns.empty() ? 0.0 : static_cast<double>(owns[static_cast<std::size_t>(i)]);
        for (Index d = 0; d < v.cols; ++d)
            out(i, d) = static_cast<float>(row[static_cast<std::size_t>(d)] + own * static_cast<double>(v(t, d)));
    }
}

/// Of one head; a run on one thread is asked for where there are heads for all threads.
using HeadRun = void (*)(const MixerFactors&, MatrixView<const float>, MatrixView<float>, const RunContext&);

Result<Tensor> runHeads(const Inputs& in, const MixerFactorsOf& factorsOf, const RunContext& context, HeadRun many, HeadRun few)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    std::mutex mutex;
    Result<void> failure;
    const auto runOne = [&](Index unit, HeadRun run) {
        const HeadRef head{unit / s.heads, unit % s.heads};
        auto factors = factorsOf(head);
        if (!factors) {
            const std::lock_guard lock(mutex);
            failure = factors.error();
            return;
        }
        run(*factors, in.vOf(head), out.matrix(head), context);
    };
    const Index units = s.batch * s.heads;
    if (few && units < context.threadCount())
        for (Index unit = 0; unit < units; ++unit)
            runOne(unit, few);
    else
        parallelFor(units, 1, context, [&](Index unit, Index) { runOne(unit, many); });
    if (context.cancelled())
        return cancelledError();
    if (!failure)
        return failure.error();
    return out;
}

} // namespace

Result<Tensor> runMixer(const Inputs& inputs, const MixerFactorsOf& factorsOf, const RunContext& context)
{
    return runHeads(inputs, factorsOf, context, runHead, runHeadInGroups);
}

Result<Tensor> runMixerTokens(const Inputs& inputs, const MixerFactorsOf& factorsOf, const RunContext& context)
{
    return runHeads(inputs, factorsOf, context, runHeadByTokens, nullptr);
}

} // namespace attnscope
