// SPDX-License-Identifier: GPL-3.0-or-later
// What a thread keeps of a row while the keys go by: sums relative to the running maximum, and where the largest scores are.
#pragma once

#include "gpu/kernels/row_statistics.h"
#include "gpu/kernels/softmax_rows.cuh"

namespace attnscope::kernels {

/// The cells (TopKeysProblem) with the largest scores among those that a thread offered, in falling order.
struct CellList {
    float scores[kTopKeys];
    int firstKeys[kTopKeys];

    __device__ void clear()
    {
#pragma unroll
        for (int i = 0; i < kTopKeys; ++i) {
            scores[i] = kNever;
            firstKeys[i] = -1;
        }
    }
    /// Of equal scores the earlier keys come first.
    __device__ static bool precedes(float score, int key, float other, int otherKey)
    {
        return score > other || (score == other && key < otherKey);
    }
    __device__ void offer(float score, int firstKey)
    {
        if (score == kNever || score < scores[kTopKeys - 1])
            return;
#pragma unroll
        for (int i = kTopKeys - 1; i >= 0; --i) {
            const bool aboveThis = precedes(score, firstKey, scores[i], firstKeys[i]);
            const bool aboveNext = i > 0 && precedes(score, firstKey, scores[i > 0 ? i - 1 : 0], firstKeys[i > 0 ? i - 1 : 0]);
            if (aboveNext) {
                scores[i] = scores[i > 0 ? i - 1 : 0];
                firstKeys[i] = firstKeys[i > 0 ? i - 1 : 0];
            } else if (aboveThis) {
                scores[i] = score;
                firstKeys[i] = firstKey;
            }
        }
    }
    /// The best of the four lanes of a row; to[kTopKeys] where `writes`. The lists are used up.
    __device__ void writeBest(int* to, bool writes)
    {
        for (int place = 0; place < kTopKeys; ++place) {
            float score = scores[0];
            int key = firstKeys[0];
#pragma unroll
            for (int lanes = 1; lanes <= 2; lanes *= 2) {
                const float otherScore = __shfl_xor_sync(0xffffffffU, score, lanes);
                const int otherKey = __shfl_xor_sync(0xffffffffU, key, lanes);
                if (precedes(otherScore, otherKey, score, key)) {
                    score = otherScore;
                    key = otherKey;
                }
            }
            if (score != kNever && key == firstKeys[0]) { // this lane's was taken
#pragma unroll
                for (int i = 0; i + 1 < kTopKeys; ++i) {
                    scores[i] = scores[i + 1];
                    firstKeys[i] = firstKeys[i + 1];
                }
                scores[kTopKeys - 1] = kNever;
                firstKeys[kTopKeys - 1] = -1;
            }
            if (writes)
                to[place] = score == kNever ? -1 : key;
        }
    }
};

/// What an exact kernel keeps beside Rows, relative to the same maximum.
struct RowExtras {
    float squares[2]; // of the weights
    float scored[2];  // of the weights times their log2
    CellList cells[2];

    __device__ void clear()
    {
        for (int r = 0; r < 2; ++r) {
            squares[r] = scored[r] = 0.0F;
            cells[r].clear();
        }
    }
    /// Row `at` of all rows; `sum` of the weights, whole. Called by the row's four lanes.
    __device__ void write(const RowStatistics& to, std::int64_t at, int r, float sum, bool writes)
    {
        float square = squares[r];
        float product = scored[r];
#pragma unroll
        for (int lanes = 1; lanes <= 2; lanes *= 2) {
            square += __shfl_xor_sync(0xffffffffU, square, lanes);
            product += __shfl_xor_sync(0xffffffffU, product, lanes);
        }
        if (writes) {
            to.entropy[at] = logf(sum) - product / sum * kLn2;
            to.sumSquares[at] = square / (sum * sum);
        }
        cells[r].writeBest(to.topKeys + at * kTopKeys, writes);
    }
};

/// As weigh(), and the statistics go on. The tile's first key is `key0`; the scale is positive.
template <int Parts, int Count>
__device__ void weighCounting(float (&s)[Count], Rows& rows, RowExtras& extras, float scale, int key0)
{
    const int firstKey = key0 + static_cast<int>(threadIdx.x % 4) * 2;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float own = kNever;
#pragma unroll
        for (int i = 2 * r; i < Count; i += 4)
            own = fmaxf(own, fmaxf(s[i], s[i + 1]));
        extras.cells[r].offer(own, firstKey);
        float top = fmaxf(rows.top[r], own);
        top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2));
        const float finite = top == kNever ? 0.0F : top;
        const float base = finite * scale - (Parts == 2 ? kSplitShift : 0.0F);
        const float moved = (rows.top[r] - finite) * scale;
        const float shrink = exp2Fast(moved);
        float sum = 0.0F;
        float squares = 0.0F;
        float scored = 0.0F;
#pragma unroll
        for (int i = 2 * r; i < Count; i += 4)
#pragma unroll
            for (int e = 0; e < 2; ++e) {
                const float distance = fmaf(s[i + e], scale, -base);
                const float weight = exp2Fast(distance);
                sum += weight;
                squares = fmaf(weight, weight, squares);
                scored = fmaf(weight, fmaxf(distance, -1e30F), scored); // masked cells: 0 times something finite
                s[i + e] = weight;
            }
        extras.scored[r] = shrink == 0.0F ? scored : fmaf(shrink, fmaf(moved, rows.sum[r], extras.scored[r]), scored);
        extras.squares[r] = fmaf(extras.squares[r], shrink * shrink, squares);
        rows.sum[r] = fmaf(rows.sum[r], shrink, sum);
        rows.top[r] = top;
        rows.shrink[r] = shrink;
    }
}

} // namespace attnscope::kernels
