// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compute/bf16_softmax.h"

#include "core/base/half.h"
#include "core/compute/scratch.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace attnscope {

namespace {

Index roundedUp(Index x, Index step) { return (x + step - 1) / step * step; }

constexpr float kLog2E = 1.442695041F; // logits are kept as powers of two

} // namespace

Bf16Matrix::Bf16Matrix(Index rows, Index cols)
    : m_rows(rows),
      m_cols(cols),
      m_stride(roundedUp(cols, kBf16Depth)),
      m_data(hwy::AllocateAligned<Bf16>(static_cast<std::size_t>(roundedUp(rows, kBf16Keys) * m_stride)))
{
    for (Index i = 0; i < roundedUp(rows, kBf16Keys); ++i)
        std::fill(row(i) + (i < rows ? cols : 0), row(i) + m_stride, Bf16{0});
}

Bf16Matrix::Bf16Matrix(MatrixView<const float> values) : Bf16Matrix(values.rows, values.cols)
{
    for (Index i = 0; i < m_rows; ++i)
        std::transform(values.row(i), values.row(i) + m_cols, row(i), bfloat16FromFloat);
}

void transposeTile(const Bf16Matrix& v, Index tile, Bf16* to)
{
    constexpr Index kBlock = 16; // both sides stay in the first cache level
    for (Index key0 = 0; key0 < kBf16Keys; key0 += kBlock)
        for (Index c = 0; c < v.stride(); ++c)
            for (Index i = 0; i < kBlock; ++i)
                to[c * kBf16Keys + key0 + i] = v.row(tile * kBf16Keys + key0 + i)[c];
}

#if defined(__x86_64__)

#define ATTNSCOPE_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

namespace {

constexpr Index kLanes = 16;
constexpr Index kVectors = kBf16Columns / kLanes;

/// One thread's working memory; a query a column.
struct Tile {
    Bf16* queries; // [D / 2, 64, 2]
    float* scores; // [128, 64]
    Bf16* weights; // [64, 64, 2]
    float* output; // [Dv, 64]
    float* max;    // [64]
    float* factor; // [64] by which the new maximum shrinks what was summed
    float* sum;    // [64]
    float* lost;   // [64] what sum's roundings lost (Kahan's compensation)
};

/// 2^x for x <= 0, right to 1e-4, a quarter of what rounding to bfloat16 leaves and less: 2 to the fraction by a polynomial of degree 3
/// (its largest relative error least, exact at 0 and 1), moved by the integer.
ATTNSCOPE_AVX512_BF16 inline __m512 powerOfTwo(__m512 x)
{
    const __m512 rest = _mm512_reduce_ps(x, 1); // x - floor(x); 0 for minus infinity
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.07826797F), rest, _mm512_set1_ps(0.22630768F));
    p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(0.6954243F));
    p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1.0F));
    return _mm512_scalef_ps(p, x);
}

/// queries = the rows of q, pairs of columns interleaved; those after `count` are 0.
void packQueries(const Bf16Matrix& q, Index first, Index count, Bf16* queries)
{
    for (Index c = 0; c < kBf16Columns; ++c)
        for (Index p = 0; p < q.stride() / 2; ++p) {
            const Bf16* from = q.row(first + c) + 2 * p;
            Bf16* to = queries + 2 * (p * kBf16Columns + c);
            to[0] = c < count ? from[0] : Bf16{0};
            to[1] = c < count ? from[1] : Bf16{0};
        }
}

/// Minus infinity where a query doesn't see a key.
ATTNSCOPE_AVX512_BF16 void maskTile(const Bf16Task& t, const Tile& s, Index first, Index count, Index key0)
{
    alignas(64) std::int32_t begin[kBf16Columns]{};
    alignas(64) std::int32_t end[kBf16Columns]{};
    for (Index q = 0; q < count; ++q) {
        begin[q] = static_cast<std::int32_t>(std::clamp<Index>(t.support.begin(first + q) - key0, 0, kBf16Keys));
        end[q] = static_cast<std::int32_t>(std::clamp<Index>(t.support.end(first + q) - key0, 0, kBf16Keys));
    }
    const __m512 masked = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    for (Index c = 0; c < kBf16Columns; c += kLanes) {
        const __m512i from = _mm512_load_si512(begin + c);
        const __m512i to = _mm512_load_si512(end + c);
        for (Index j = 0; j < kBf16Keys; ++j) {
            const __m512i key = _mm512_set1_epi32(static_cast<std::int32_t>(j));
            const auto hidden = static_cast<__mmask16>(_mm512_cmplt_epi32_mask(key, from) | _mm512_cmple_epi32_mask(to, key));
            _mm512_mask_store_ps(s.scores + j * kBf16Columns + c, hidden, masked);
        }
    }
}

/// weights = 2^(factor scores - new maximum) as pairs of keys; maxima, sums and shrinking factors follow.
ATTNSCOPE_AVX512_BF16 void exponentiateTile(const Tile& s, float factor)
{
    const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4,
                                                19, 3, 18, 2, 17, 1, 16, 0);
    const __m512 unit = _mm512_set1_ps(factor);
    for (Index c = 0; c < kBf16Columns; c += 2 * kLanes) {
        const __m512 old[2] = {_mm512_load_ps(s.max + c), _mm512_load_ps(s.max + c + kLanes)};
        __m512 top[2] = {_mm512_set1_ps(std::numeric_limits<float>::lowest()), _mm512_set1_ps(std::numeric_limits<float>::lowest())};
        for (Index j = 0; j < kBf16Keys; ++j)
#pragma GCC unroll 2
            for (int i = 0; i < 2; ++i)
                top[i] = _mm512_max_ps(top[i], _mm512_load_ps(s.scores + j * kBf16Columns + c + i * kLanes));
        __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i)
            top[i] = _mm512_max_ps(old[i], _mm512_mul_ps(top[i], unit));
        for (Index j = 0; j < kBf16Keys; j += 2) {
            const float* at = s.scores + j * kBf16Columns + c;
#pragma GCC unroll 2
            for (int i = 0; i < 2; ++i) {
                const __m512 even = powerOfTwo(_mm512_fmsub_ps(_mm512_load_ps(at + i * kLanes), unit, top[i]));
                const __m512 odd = powerOfTwo(_mm512_fmsub_ps(_mm512_load_ps(at + kBf16Columns + i * kLanes), unit, top[i]));
                sum[i] = _mm512_add_ps(sum[i], _mm512_add_ps(even, odd));
                const auto both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
                _mm512_store_si512(s.weights + j * kBf16Columns + 2 * (c + i * kLanes), _mm512_permutexvar_epi16(interleave, both));
            }
        }
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
            const Index at = c + i * kLanes;
            const __m512 shrink = powerOfTwo(_mm512_sub_ps(old[i], top[i]));
            _mm512_store_ps(s.factor + at, shrink);
            _mm512_store_ps(s.max + at, top[i]);
            // Kahan: a hundred thousand keys are a thousand tiles.
            const __m512 kept = _mm512_mul_ps(_mm512_load_ps(s.sum + at), shrink);
            const __m512 more = _mm512_fnmadd_ps(_mm512_load_ps(s.lost + at), shrink, sum[i]);
            const __m512 total = _mm512_add_ps(kept, more);
            _mm512_store_ps(s.lost + at, _mm512_sub_ps(_mm512_sub_ps(total, kept), more));
            _mm512_store_ps(s.sum + at, total);
        }
    }
}

ATTNSCOPE_AVX512_BF16 void shrinkOutput(const Tile& s, Index valueDim)
{
    for (Index c = 0; c < kBf16Columns; c += kLanes) {
        const __m512 factor = _mm512_load_ps(s.factor + c);
        if (_mm512_cmpneq_ps_mask(factor, _mm512_set1_ps(1.0F)) == 0)
            continue;
        for (Index v = 0; v < valueDim; ++v) {
            float* at = s.output + v * kBf16Columns + c;
            _mm512_store_ps(at, _mm512_mul_ps(factor, _mm512_load_ps(at)));
        }
    }
}

void storeOutputs(const Tile& s, Index first, Index count, Bf16Matrix& out)
{
    for (Index q = 0; q < count; ++q) {
        const float factor = s.sum[q] > 0.0F ? 1.0F / s.sum[q] : 0.0F;
        Bf16* row = out.row(first + q);
        for (Index v = 0; v < out.cols(); ++v)
            row[v] = bfloat16FromFloat(factor * s.output[v * kBf16Columns + q]);
    }
}

/// Working memory for `panels` blocks of 64 queries, which share scores and weights.
std::array<Tile, kBf16Panels> tilesOf(Scratch& scratch, Index dim, Index valueDim, Index panels)
{
    constexpr Index kShared = kBf16Keys + kBf16Keys / 2;
    float* at = scratch.floats(kBf16Columns * (kShared + panels * (dim / 2 + valueDim + 4)));
    const auto take = [&at](Index rows) { return std::exchange(at, at + rows * kBf16Columns); };
    std::array<Tile, kBf16Panels> tiles{};
    tiles[0].scores = take(kBf16Keys);
    tiles[0].weights = reinterpret_cast<Bf16*>(take(kBf16Keys / 2));
    for (Tile& tile : std::span(tiles).first(static_cast<std::size_t>(panels))) {
        tile.scores = tiles[0].scores;
        tile.weights = tiles[0].weights;
        tile.queries = reinterpret_cast<Bf16*>(take(dim / 2));
        tile.output = take(valueDim);
        tile.max = take(1);
        tile.factor = take(1);
        tile.sum = take(1);
        tile.lost = take(1);
        std::fill_n(tile.max, kBf16Columns, std::numeric_limits<float>::lowest());
        std::fill_n(tile.sum, kBf16Columns, 0.0F);
        std::fill_n(tile.lost, kBf16Columns, 0.0F);
        std::fill_n(tile.output, valueDim * kBf16Columns, 0.0F);
    }
    return tiles;
}

/// The queries of one panel against one tile of keys, of which they see some.
void streamTile(const Bf16Task& t, const Tile& s, const Bf16Multiplier& unit, Index first, Index count, Index key0)
{
    const Index dim = t.q->stride();
    unit.multiply({kBf16Keys, dim, t.k->row(key0), dim, s.queries, s.scores, false});
    if (key0 < t.support.begin(first + count - 1) || key0 + kBf16Keys > t.support.end(first))
        maskTile(t, s, first, count, key0);
    exponentiateTile(s, kLog2E * t.scale);
    shrinkOutput(s, t.valueStride);
    unit.multiply({t.valueStride, kBf16Keys, t.vTiles + key0 * t.valueStride, kBf16Keys, s.weights, s.output, true});
}

} // namespace

void streamQueriesBf16(const Bf16Task& t, Index first, Index count, Bf16Matrix& out)
{
    thread_local Scratch scratch;
    const Index panels = (count + kBf16Columns - 1) / kBf16Columns;
    const auto tiles = tilesOf(scratch, t.q->stride(), t.valueStride, panels);
    const auto rowsOf = [&](Index panel) { return std::min(kBf16Columns, count - panel * kBf16Columns); };
    for (Index p = 0; p < panels; ++p)
        packQueries(*t.q, first + p * kBf16Columns, rowsOf(p), tiles[static_cast<std::size_t>(p)].queries);
    const Bf16Multiplier unit(bf16Unit());
    // The windows of consecutive queries overlap: one range of whole tiles for all of them.
    const Index end = t.support.end(first + count - 1);
    for (Index key0 = t.support.begin(first) / kBf16Keys * kBf16Keys; key0 < end; key0 += kBf16Keys)
        for (Index p = 0; p < panels; ++p) {
            const Index query = first + p * kBf16Columns;
            if (key0 < t.support.end(query + rowsOf(p) - 1) && key0 + kBf16Keys > t.support.begin(query))
                streamTile(t, tiles[static_cast<std::size_t>(p)], unit, query, rowsOf(p), key0);
        }
    for (Index p = 0; p < panels; ++p)
        storeOutputs(tiles[static_cast<std::size_t>(p)], first + p * kBf16Columns, rowsOf(p), out);
}

#else

void streamQueriesBf16(const Bf16Task&, Index, Index, Bf16Matrix&) {}

#endif

} // namespace attnscope
