// SPDX-License-Identifier: GPL-3.0-or-later
// Queries lie along the vector lanes: maxima, sums and masks are element-wise, and neither product needs K or V repacked.
#include "core/compute/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/streaming_softmax.cpp"
#include <hwy/foreach_target.h>

#include "core/compute/exp-inl.h"
#include "core/compute/micro_kernel-inl.h"
#include "core/compute/scratch.h"
#include "core/compute/streaming_softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#ifndef ATTNSCOPE_STREAM_TILE
#define ATTNSCOPE_STREAM_TILE
namespace attnscope {

inline constexpr float kLog2E = 1.442695041F; // logits are kept as powers of two
inline constexpr Index kStreamKeys = 128;     // keys of a tile: scores of 128 x 64 stay in the first two cache levels

/// One thread's working memory; all matrices have kStreamQueries columns, one a query.
struct StreamTile {
    float* queries; // [D, 64]
    float* scores;  // [128, 64]
    float* output;  // [Dv, 64]
    float* max;     // [64]
    float* factor;  // [64] by which the new maximum shrinks what was summed
    float* tileSum; // [64]
    double sum[kStreamQueries];
};

} // namespace attnscope
#endif

HWY_BEFORE_NAMESPACE();
namespace attnscope::HWY_NAMESPACE {

constexpr float kLowest = std::numeric_limits<float>::lowest();
constexpr float kMasked = -std::numeric_limits<float>::infinity();

/// Logits over ln 2 of the keys [key0, key0 + keys), those that a query doesn't see at minus infinity.
void scoreTile(const StreamingTask& t, const StreamTile& s, Index first, Index count, Index key0, Index keys)
{
    for (Index c = 0; c < count; c += blockCols())
        multiplyRows(keys, {t.k.cols,
                            {t.k.row(key0), t.k.stride, 1},
                            s.queries + c,
                            kStreamQueries,
                            s.scores + c,
                            kStreamQueries,
                            kLog2E * t.scale,
                            false});
    const KeySupport& support = t.support;
    const bool amongGlobals = key0 + keys <= support.globals && key0 >= support.floor(first + count - 1);
    const bool whole = key0 + keys <= support.end(first) && (key0 >= support.begin(first + count - 1) || amongGlobals);
    if (whole)
        return;
    for (Index q = 0; q < count; ++q) {
        const Index end = std::clamp<Index>(support.end(first + q) - key0, 0, keys);
        const Index begin = std::clamp<Index>(support.begin(first + q) - key0, 0, end);
        const Index floor = std::clamp<Index>(support.floor(first + q) - key0, 0, begin);
        for (Index j = 0; j < floor; ++j)
            s.scores[j * kStreamQueries + q] = kMasked;
        for (Index j = std::clamp<Index>(support.globals - key0, floor, begin); j < begin; ++j)
            s.scores[j * kStreamQueries + q] = kMasked;
        for (Index j = end; j < keys; ++j)
            s.scores[j * kStreamQueries + q] = kMasked;
    }
}

/// scores = 2^(scores - new maximum); maxima, sums and shrinking factors follow. V vectors of queries from column c on.
template <int V>
HWY_INLINE void exponentiateColumns(const StreamTile& s, Index c, Index keys)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    hn::Vec<Floats> top[V];
    hn::Vec<Floats> sum[V];
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i) {
        top[i] = hn::Load(d, s.max + c + i * n);
        sum[i] = hn::Zero(d);
    }
    for (Index j = 0; j < keys; ++j)
#pragma GCC unroll 4
        for (int i = 0; i < V; ++i)
            top[i] = hn::Max(top[i], hn::Load(d, s.scores + j * kStreamQueries + c + i * n));
    for (Index j = 0; j < keys; ++j) {
        float* at = s.scores + j * kStreamQueries + c;
#pragma GCC unroll 4
        for (int i = 0; i < V; ++i) {
            const auto p = powerOfTwo(d, hn::Sub(hn::Load(d, at + i * n), top[i]));
            hn::Store(p, d, at + i * n);
            sum[i] = hn::Add(sum[i], p);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i) {
        hn::Store(powerOfTwo(d, hn::Sub(hn::Load(d, s.max + c + i * n), top[i])), d, s.factor + c + i * n);
        hn::Store(top[i], d, s.max + c + i * n);
        hn::Store(sum[i], d, s.tileSum + c + i * n);
    }
}

void exponentiateTile(StreamTile& s, Index count, Index keys)
{
    for (Index c = 0; c < count; c += blockCols())
        exponentiateColumns<kBlockVectors>(s, c, keys);
    for (Index q = 0; q < count; ++q)
        s.sum[q] = s.sum[q] * static_cast<double>(s.factor[q]) + static_cast<double>(s.tileSum[q]);
}

/// output = output * factor + Vᵀ scores.
void accumulateTile(const StreamingTask& t, const StreamTile& s, Index count, Index key0, Index keys)
{
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    for (Index c = 0; c < count; c += n) {
        const auto factor = hn::Load(d, s.factor + c);
        if (hn::AllTrue(d, hn::Eq(factor, hn::Set(d, 1.0F))))
            continue;
        for (Index v = 0; v < t.v.cols; ++v) {
            float* at = s.output + v * kStreamQueries + c;
            hn::Store(hn::Mul(factor, hn::Load(d, at)), d, at);
        }
    }
    for (Index c = 0; c < count; c += blockCols())
        multiplyRows(t.v.cols,
                     {keys, {t.v.row(key0), 1, t.v.stride}, s.scores + c, kStreamQueries, s.output + c, kStreamQueries, 1.0F, true});
}

void streamKeys(const StreamingTask& t, StreamTile& s, Index first, Index count, Index begin, Index end, bool withOutput)
{
    for (Index key0 = begin; key0 < end; key0 += kStreamKeys) {
        const Index keys = std::min(kStreamKeys, end - key0);
        scoreTile(t, s, first, count, key0, keys);
        exponentiateTile(s, count, keys);
        if (withOutput)
            accumulateTile(t, s, count, key0, keys);
    }
}

/// out = outputs over their sums, a query a row again; rows that see nothing become 0.
void storeOutputs(const StreamTile& s, Index count, MatrixView<float> out)
{
    for (Index q = 0; q < kStreamQueries; ++q)
        s.factor[q] = static_cast<float>(q < count && s.sum[q] > 0.0 ? 1.0 / s.sum[q] : 0.0);
    const Floats d;
    const auto n = static_cast<Index>(hn::Lanes(d));
    for (Index c = 0; c < count; c += n) {
        const auto factor = hn::Load(d, s.factor + c);
        for (Index v = 0; v < out.cols; ++v) {
            float* at = s.output + v * kStreamQueries + c;
            hn::Store(hn::Mul(factor, hn::Load(d, at)), d, at);
        }
    }
    transposeInto(s.output, kStreamQueries, out.cols, count, out.data, out.stride);
}

void stream(const StreamingTask& t, StreamTile& s, Index first, Index count, MatrixView<float> out)
{
    const bool withOutput = out.data != nullptr;
    packTransposed(t.q.row(first), t.q.stride, count, t.q.cols, s.queries, kStreamQueries);
    std::fill_n(s.max, kStreamQueries, kLowest);
    std::fill_n(s.sum, kStreamQueries, 0.0);
    if (withOutput)
        std::fill_n(s.output, t.v.cols * kStreamQueries, 0.0F);
    // The windows of consecutive queries overlap: one range for all of them, and the global keys before it.
    const Index begin = t.support.begin(first);
    const Index globals = std::min(t.support.globals, begin);
    streamKeys(t, s, first, count, t.support.floor(first), std::min(globals, t.support.end(first + count - 1)), withOutput);
    streamKeys(t, s, first, count, begin, t.support.end(first + count - 1), withOutput);
    if (withOutput)
        storeOutputs(s, count, out);
}

} // namespace attnscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attnscope {

namespace {

HWY_EXPORT(stream);

/// Global queries see more than the others: a block never mixes the two kinds.
Index sameKind(const KeySupport& support, Index first, Index count)
{
    for (const Index edge : {-support.offset, support.globals - support.offset})
        if (first < edge)
            return std::min(count, edge - first);
    return count;
}

/// From powers of two to those of e: what the maximum loses when it is rounded goes into the sum (unless it is so large that its last
/// digit means nothing).
RowNorm normOf(float max, double sum)
{
    const double logit = static_cast<double>(max) / static_cast<double>(kLog2E);
    const auto rounded = static_cast<float>(logit);
    const double lost = logit - static_cast<double>(rounded);
    return {rounded, std::abs(lost) < 1.0 ? sum * std::exp(lost) : sum};
}

} // namespace

Index KeySupport::begin(Index query) const { return isGlobal(query) ? floor(query) : std::clamp<Index>(query + offset - before, 0, keys); }

Index KeySupport::end(Index query) const
{
    return std::clamp<Index>(query + offset + 1 + (isGlobal(query) ? globalAfter : after), 0, keys);
}

Index KeySupport::count(Index query) const
{
    const Index first = begin(query);
    const Index last = end(query);
    return std::max<Index>(0, last - first) + std::max<Index>(0, std::min({globals, first, last}) - floor(query));
}

KeySupport fullSupport(Index queries, Index keys, bool causal, Index window)
{
    const Index side = window > 0 ? window - 1 : queries + keys;
    return {keys, keys - queries, side, causal ? 0 : side, 0, 0};
}

void streamQueries(const StreamingTask& task, Index first, Index count, MatrixView<float> out, RowNorm* norms)
{
    thread_local Scratch scratch;
    const bool withOutput = out.data != nullptr;
    const Index dim = task.q.cols;
    const Index valueDim = withOutput ? task.v.cols : 0;
    float* at = scratch.floats(kStreamQueries * (dim + valueDim + kStreamKeys + 3));
    StreamTile tile{};
    for (auto [part, rows] : {std::pair{&tile.queries, dim},
                              {&tile.scores, kStreamKeys},
                              {&tile.output, valueDim},
                              {&tile.max, Index{1}},
                              {&tile.factor, Index{1}},
                              {&tile.tileSum, Index{1}}}) {
        *part = at;
        at += rows * kStreamQueries;
    }
    for (Index done = 0; done < count;) {
        const Index now = sameKind(task.support, first + done, std::min(kStreamQueries, count - done));
        HWY_DYNAMIC_DISPATCH(stream)(task, tile, first + done, now, withOutput ? out.rowRange(done, now) : out);
        for (Index q = 0; norms && q < now; ++q)
            norms[done + q] = normOf(tile.max[q], tile.sum[q]);
        done += now;
    }
}

double streamScratchBytes(Index dim, Index valueDim)
{
    return static_cast<double>(sizeof(float)) * static_cast<double>(kStreamQueries * (dim + valueDim + kStreamKeys + 3));
}

} // namespace attnscope
#endif
