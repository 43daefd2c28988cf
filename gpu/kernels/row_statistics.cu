// SPDX-License-Identifier: GPL-3.0-or-later
// Log-sum-exp, entropy, sum of squares and the eight largest weights of each row, in one pass over the keys (exact_hopper_rows.cu gives
// the output too).
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23: n = 131,072, float16, D = 64):
//   1  mma.sync. Predicted: the exponentials' 4.8 ms plus the products' 7. Measured: log-sum-exp alone 20.4 ms; everything 108.
//   2  wgmma with three warpgroups, running maxima per thread instead of per row. Predicted: 7 ms. Measured: log-sum-exp alone 8.9 ms
//      (D = 128 11.8; split float32 12.6 and 19.8); everything with the eight largest 70.5. Lesson: the sorted lists, offered every
//      cell, cost seven times the sums.
//   3  Scores are offered by eights, against a threshold that the four threads of a row share. Predicted: a third of the offers, 30 ms.
//      Measured: 52.1 ms (D = 128 54.0). Lesson: the lists still cost most; a second pass over the keys above the last threshold is next.
//   4  Lists of the eight cells (32 keys of one thread's tile) with the largest scores, one offer a tile and row; a second step takes
//      the keys from them (top_keys.cu). Predicted: 12 ms. Measured (2026-11-24): 13.0 (D = 128 17.0; split float32 17.8 and 27.2).
//      Lesson: the second step reads 1.5 to 3 ms from the cache; the sums cost as much again.
//      Warpgroups that multiply in turns took 8.7 ms for the log-sum-exp alone, 12.9 at D = 128: they are not kept.
#include "gpu/kernels/row_sums.cuh"
#include "gpu/kernels/strip.cuh"
#include "gpu/kernels/strip_hopper.cuh"

namespace attnscope::kernels {

namespace {

/// Sums of one row relative to its running maximum, in units of log2.
struct RowSums {
    float top = kNever;
    float sum = 0.0F;     // of 2^(s - top)
    float squares = 0.0F; // of 4^(s - top)
    float scored = 0.0F;  // of 2^(s - top) (s - top)

    __device__ void rebase(float to)
    {
        if (to == top)
            return;
        const float by = top == kNever ? 0.0F : exp2f(top - to);
        scored = top == kNever ? 0.0F : by * (scored + (top - to) * sum);
        sum *= by;
        squares *= by * by;
        top = to;
    }
    __device__ void add(float distance)
    {
        const float weight = exp2Fast(distance);
        sum += weight;
        squares = fmaf(weight, weight, squares);
        scored = fmaf(weight, fmaxf(distance, -1e30F), scored);
    }
    __device__ void merge(int lanes)
    {
        const float otherTop = __shfl_xor_sync(0xffffffffU, top, lanes);
        const float common = fmaxf(top, otherTop);
        rebase(common);
        sum += __shfl_xor_sync(0xffffffffU, sum, lanes);
        squares += __shfl_xor_sync(0xffffffffU, squares, lanes);
        scored += __shfl_xor_sync(0xffffffffU, scored, lanes);
    }
};

template <bool kFull>
struct StatisticsEpilogue {
    RowStatistics to;
    Index firstVisible, rows, cols;
    float scaleLog2;
    RowSums sums[2];
    CellList cells[kFull ? 2 : 1];

    __device__ Index seen(Index row) const { return min(cols, firstVisible + row); }
    __device__ Index lastCol(Index tileRow, Index tileRows, const StripArea& area) const
    {
        return min(area.colEnd, seen(min(tileRow + tileRows, rows) - 1));
    }
    __device__ void betweenTerms(float (&)[kTile / 2], Index, Index) {}

    __device__ void tile(float (&acc)[kTile / 2], Index row, Index col)
    {
        const Index least = seen(row) - col; // of the thread's two rows
        if (least < kTile)
            mask(acc, row, col);
        if (scaleLog2 < 0.0F)
            addScaled(acc, col);
        else
            addPlain(acc, col);
    }
    __device__ void addPlain(const float (&acc)[kTile / 2], Index col)
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            float top = kNever;
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
                top = fmaxf(top, fmaxf(acc[i], acc[i + 1]));
            addRow(acc, r, top * scaleLog2, col);
        }
    }
    __device__ void mask(float (&acc)[kTile / 2], Index row, Index col) const
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const int limit = static_cast<int>(max(Index{0}, min(Index{kTile}, seen(row + 8 * r) - col)));
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
#pragma unroll
                for (int e = 0; e < 2; ++e)
                    if (i / 4 * 8 + e >= limit)
                        acc[i + e] = scaleLog2 < 0.0F ? INFINITY : kNever;
        }
    }
    /// Negative scales: the least score weighs most.
    __device__ void addScaled(float (&acc)[kTile / 2], Index col)
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            float least = INFINITY;
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
                least = fminf(least, fminf(acc[i], acc[i + 1]));
            addRow(acc, r, least * scaleLog2, col);
        }
    }
    __device__ void addRow(const float (&acc)[kTile / 2], int r, float tileTop, Index col)
    {
        RowSums& s = sums[r];
        if constexpr (kFull)
            cells[r].offer(tileTop, static_cast<int>(col));
        const float top = fmaxf(s.top, tileTop);
        if (top == kNever)
            return;
        s.rebase(top);
#pragma unroll
        for (int i = 2 * r; i < kTile / 2; i += 4)
#pragma unroll
            for (int e = 0; e < 2; ++e) {
                const float distance = fmaf(acc[i + e], scaleLog2, -top);
                if constexpr (kFull) {
                    s.add(distance);
                } else {
                    s.sum += exp2Fast(distance);
                }
            }
    }
    __device__ void end(Index row)
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            RowSums& s = sums[r];
            s.merge(1);
            s.merge(2);
            const Index at = row + 8 * r;
            const float lse = (s.top + log2f(s.sum)) * kLn2;
            if (at < rows && threadIdx.x % 4 == 0) {
                if (to.lse != nullptr)
                    to.lse[at] = lse;
                if (to.entropy != nullptr)
                    to.entropy[at] = logf(s.sum) - s.scored / s.sum * kLn2;
                if (to.sumSquares != nullptr)
                    to.sumSquares[at] = s.squares / (s.sum * s.sum);
            }
            if constexpr (kFull)
                cells[r].writeBest(to.topKeys + at * kTopKeys, at < rows && threadIdx.x % 4 == 0);
        }
    }
};

template <bool kFull>
__device__ StatisticsEpilogue<kFull> epilogueOf(const StripArea& area, const ExactTerm& exact, Index firstVisible, const RowStatistics& to)
{
    const float scale = exact.scale * 1.4426950408889634F;
    StatisticsEpilogue<kFull> made{to, firstVisible, area.rowEnd, area.colEnd,
                                   exact.q.factor == nullptr ? scale : scale / (*exact.q.factor * *exact.k.factor)};
    for (CellList& list : made.cells)
        list.clear();
    return made;
}

template <int Parts, bool kFull>
__global__ void __launch_bounds__(kStripThreads) statisticsKernel(const Strip<__half, Parts> strip, const StripArea area,
                                                                  const ExactTerm exact, Index firstVisible, const RowStatistics to)
{
#ifndef __CUDA_ARCH_FEAT_SM90_ALL
    auto epilogue = epilogueOf<kFull>(area, exact, firstVisible, to);
    runStrip(strip, area, epilogue);
#endif
}

template <int Parts, bool kFull>
__global__ void __launch_bounds__(hopper::kMapThreads, 1)
    statisticsHopperKernel(const __grid_constant__ hopper::StripMaps maps, const StripArea area, const ExactTerm exact, Index firstVisible,
                           const RowStatistics to)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    auto epilogue = epilogueOf<kFull>(area, exact, firstVisible, to);
    hopper::runStrip<Parts>(maps, area, epilogue);
#endif
}

struct Request {
    const ExactTerm& exact;
    Index firstVisible;
    const RowStatistics& to;
    Index firstRow, lastRow;
    const CardLimits& card;
};

template <int Parts, bool kFull>
cudaError_t launch(const Request& r, cudaStream_t stream)
{
    Strip<__half, Parts> strip{};
    strip.terms[0] = termOf<__half>(r.exact.q, r.exact.k);
    strip.termCount = 1;
    const Index tiles = (r.exact.k.rows + kTile - 1) / kTile;
    const StripArea area{r.firstRow, r.exact.q.rows, 0, r.exact.k.rows, static_cast<int>(tiles)};
    const Index tileRows = r.card.isHopper ? hopper::kMapRows : kTile;
    const auto blocks = static_cast<unsigned>((r.lastRow - r.firstRow + tileRows - 1) / tileRows);
    const auto bytes = r.card.isHopper ? hopper::stripBytes<Parts>(strip.chunks()) : stripBytes<__half, Parts>(strip.chunks());
    const auto* kernel = r.card.isHopper ? reinterpret_cast<const void*>(statisticsHopperKernel<Parts, kFull>)
                                         : reinterpret_cast<const void*>(statisticsKernel<Parts, kFull>);
    auto status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    if (status == cudaSuccess && r.card.isHopper) {
        hopper::StripMaps maps{};
        status = hopper::makeStripMaps(strip, maps);
        if (status == cudaSuccess)
            statisticsHopperKernel<Parts, kFull><<<blocks, hopper::kMapThreads, bytes, stream>>>(maps, area, r.exact, r.firstVisible, r.to);
    } else if (status == cudaSuccess) {
        statisticsKernel<Parts, kFull><<<blocks, kStripThreads, bytes, stream>>>(strip, area, r.exact, r.firstVisible, r.to);
    }
    return status == cudaSuccess ? cudaGetLastError() : status;
}

/// Whether more than the log-sum-exp is wanted.
bool isFull(const RowStatistics& to) { return to.topKeys != nullptr; }

} // namespace

cudaError_t launchRowStatistics(const ExactTerm& exact, Index firstVisible, int parts, const RowStatistics& to, Index firstRow,
                                Index lastRow, const CardLimits& card, cudaStream_t stream)
{
    const Request request{exact, firstVisible, to, firstRow, lastRow, card};
    if (!isFull(to))
        return parts == 2 ? launch<2, false>(request, stream) : launch<1, false>(request, stream);
    const auto status = parts == 2 ? launch<2, true>(request, stream) : launch<1, true>(request, stream);
    if (status != cudaSuccess)
        return status;
    TopKeysProblem top;
    top.q = exact.q.data;
    top.k = exact.k.data;
    top.parts = parts;
    top.rows = exact.q.rows;
    top.keys = exact.k.rows;
    top.width = exact.q.width;
    top.firstRow = firstRow;
    top.lastRow = lastRow;
    top.firstVisible = firstVisible;
    top.scale = exact.scale;
    top.qFactors = exact.q.factor;
    top.kFactors = exact.k.factor;
    top.span = kTile;
    top.to = to;
    return launchTopKeys(top, stream);
}

} // namespace attnscope::kernels
