// SPDX-License-Identifier: GPL-3.0-or-later
// Log-sum-exp, largest weight, entropy, sum of squares and the eight largest weights of each row, in one pass over the keys.
#include "gpu/kernels/strip.cuh"

namespace attnscope::kernels {

namespace {

struct Kept {
    float score = kNever;
    int key = -1;
};

/// The largest scores that a thread saw in one row, in falling order; equal ones by key.
struct TopList {
    Kept kept[kTopKeys];

    __device__ void offer(float score, int key)
    {
        if (!(score > kept[kTopKeys - 1].score))
            return;
        Kept next{score, key};
#pragma unroll
        for (auto& place : kept) {
            if (next.score > place.score || (next.score == place.score && next.key < place.key)) {
                const Kept pushed = place;
                place = next;
                next = pushed;
            }
        }
    }
};

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
    __device__ void add(float s)
    {
        const float distance = s - top;
        const float weight = exp2Fast(distance);
        sum += weight;
        squares = fmaf(weight, weight, squares);
        scored = fmaf(weight, s == kNever ? 0.0F : distance, scored);
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

template <bool WithTop>
struct StatisticsEpilogue {
    RowStatistics to;
    Index firstVisible, rows, cols;
    float scaleLog2;
    RowSums sums[2];
    TopList lists[WithTop ? 2 : 1];

    __device__ Index seen(Index row) const { return min(cols, firstVisible + row); }
    __device__ Index lastCol(Index tileRow, const StripArea& area) const { return min(area.colEnd, seen(min(tileRow + kTile, rows) - 1)); }
    __device__ void betweenTerms(float (&)[kTile / 2], Index, Index) {}

    __device__ void tile(float (&acc)[kTile / 2], Index row, Index col)
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const Index limit = seen(row + 8 * r) - col;
            float top = sums[r].top;
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    float& s = acc[i + e];
                    s = i / 4 * 8 + e < limit ? s * scaleLog2 : kNever;
                    top = fmaxf(top, s);
                }
            if (top == kNever)
                continue;
            sums[r].rebase(top);
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    sums[r].add(acc[i + e]);
                    if constexpr (WithTop)
                        lists[r].offer(acc[i + e], static_cast<int>(col) + i / 4 * 8 + e);
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
                if (to.largest != nullptr)
                    to.largest[at] = 1.0F / s.sum;
                if (to.entropy != nullptr)
                    to.entropy[at] = logf(s.sum) - s.scored / s.sum * kLn2;
                if (to.sumSquares != nullptr)
                    to.sumSquares[at] = s.squares / (s.sum * s.sum);
            }
            if constexpr (WithTop)
                writeTop(lists[r], at, s.top + log2f(s.sum));
        }
    }
    /// The four lanes of a row offer their best until eight are found.
    __device__ void writeTop(TopList& list, Index at, float lse2)
    {
        for (int place = 0; place < kTopKeys; ++place) {
            Kept best = list.kept[0];
#pragma unroll
            for (int lanes = 1; lanes <= 2; lanes *= 2) {
                const float score = __shfl_xor_sync(0xffffffffU, best.score, lanes);
                const int key = __shfl_xor_sync(0xffffffffU, best.key, lanes);
                if (score > best.score || (score == best.score && key < best.key))
                    best = {score, key};
            }
            if (best.key == list.kept[0].key && best.score != kNever) { // this lane's was taken
#pragma unroll
                for (int i = 0; i + 1 < kTopKeys; ++i)
                    list.kept[i] = list.kept[i + 1];
                list.kept[kTopKeys - 1] = {};
            }
            if (at < rows && threadIdx.x % 4 == 0) {
                to.topWeights[at * kTopKeys + place] = best.score == kNever ? 0.0F : exp2f(best.score - lse2);
                to.topKeys[at * kTopKeys + place] = best.score == kNever ? -1 : best.key;
            }
        }
    }
};

template <int Parts, bool WithTop>
__global__ void __launch_bounds__(kStripThreads)
    statisticsKernel(const Strip<__half, Parts> strip, const StripArea area, RowStatistics to, Index firstVisible, float scaleLog2,
                     const float* qFactor, const float* kFactor)
{
    StatisticsEpilogue<WithTop> epilogue{to, firstVisible, area.rowEnd, area.colEnd,
                                         qFactor == nullptr ? scaleLog2 : scaleLog2 / (*qFactor * *kFactor)};
    runStrip(strip, area, epilogue);
}

template <int Parts, bool WithTop>
cudaError_t launch(const ExactTerm& exact, Index firstVisible, const RowStatistics& to, Index firstRow, Index lastRow, cudaStream_t stream)
{
    Strip<__half, Parts> strip{};
    strip.terms[0] = termOf<__half>(exact.q, exact.k);
    strip.termCount = 1;
    const Index tiles = (exact.k.rows + kTile - 1) / kTile;
    const StripArea area{firstRow, exact.q.rows, 0, exact.k.rows, static_cast<int>(tiles)};
    const auto bytes = stripBytes<__half, Parts>(strip.chunks());
    const auto kernel = statisticsKernel<Parts, WithTop>;
    if (const auto status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
        status != cudaSuccess)
        return status;
    kernel<<<static_cast<unsigned>((lastRow - firstRow + kTile - 1) / kTile), kStripThreads, bytes, stream>>>(
        strip, area, to, firstVisible, exact.scale * 1.4426950408889634F, exact.q.factor, exact.k.factor);
    return cudaGetLastError();
}

template <int Parts>
cudaError_t choose(const ExactTerm& exact, Index firstVisible, const RowStatistics& to, Index firstRow, Index lastRow, cudaStream_t stream)
{
    return to.topKeys != nullptr ? launch<Parts, true>(exact, firstVisible, to, firstRow, lastRow, stream)
                                 : launch<Parts, false>(exact, firstVisible, to, firstRow, lastRow, stream);
}

} // namespace

cudaError_t launchRowStatistics(const ExactTerm& exact, Index firstVisible, int parts, const RowStatistics& to, Index firstRow,
                                Index lastRow, cudaStream_t stream)
{
    return parts == 2 ? choose<2>(exact, firstVisible, to, firstRow, lastRow, stream)
                      : choose<1>(exact, firstVisible, to, firstRow, lastRow, stream);
}

} // namespace attnscope::kernels
