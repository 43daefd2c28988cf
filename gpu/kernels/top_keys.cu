// SPDX-License-Identifier: GPL-3.0-or-later
// The largest weights of each row, from the few cells of keys that can hold them: one warp a row.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-24):
//   1  eight lanes a key, 256 keys a row. Predicted at n = 131,072, D = 64: 4.3 GB from the cache, about 1 ms. Measured: 1.5 ms (D =
//   128 3.2;
//      split float32 3.0 and 7.5); 8 heads of n = 16,384, D = 64 1.8. Lesson: smaller cells are next, which name fewer keys.
#include "gpu/kernels/row_statistics.h"
#include "gpu/kernels/softmax_rows.cuh"

#include <climits>

namespace attnscope::kernels {

namespace {

constexpr int kRowsPerBlock = 4; // warps

struct TopArgs {
    TopKeysProblem p;
    Index qPart, kPart; // numbers from a high part to its low part
};

__device__ float2 widened(__half2 x) { return __half22float2(x); }
__device__ float2 widened(__nv_bfloat162 x) { return __bfloat1622float2(x); }

template <class T>
struct Pair;
template <>
struct Pair<__half> {
    using Type = __half2;
};
template <>
struct Pair<__nv_bfloat16> {
    using Type = __nv_bfloat162;
};

/// Eight numbers, the sum of their parts.
template <class T, int Parts>
__device__ void readEight(float (&to)[8], const T* from, Index part)
{
#pragma unroll
    for (int p = Parts - 1; p >= 0; --p) {
        const uint4 raw = *reinterpret_cast<const uint4*>(from + p * part);
        const auto* pairs = reinterpret_cast<const typename Pair<T>::Type*>(&raw);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float2 two = widened(pairs[i]);
            to[2 * i] = p == Parts - 1 ? two.x : to[2 * i] + two.x;
            to[2 * i + 1] = p == Parts - 1 ? two.y : to[2 * i + 1] + two.y;
        }
    }
}

/// q . k, in all of the eight lanes of a key.
template <class T, int Parts>
__device__ float dotOf(const TopArgs& a, const float* q, const T* k)
{
    const int sub = static_cast<int>(threadIdx.x) % 8;
    float sum = 0.0F;
    for (Index d = sub * 8; d < a.p.width; d += 64) {
        float x[8];
        readEight<T, Parts>(x, k + d, a.kPart);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            sum = fmaf(q[d + i], x[i], sum);
    }
#pragma unroll
    for (int lanes = 1; lanes <= 4; lanes *= 2)
        sum += __shfl_xor_sync(0xffffffffU, sum, lanes);
    return sum;
}

/// Scores that a lane keeps: Each of every cell.
template <int Each>
struct Kept {
    float scores[kTopKeys * Each];
    int keys[kTopKeys * Each];
};

/// The warp's largest kept score: a lane's keys are its own.
template <int Each>
__device__ void takeLargest(Kept<Each>& kept, float& score, int& key)
{
    score = kNever;
    key = INT_MAX;
#pragma unroll
    for (int i = 0; i < kTopKeys * Each; ++i)
        if (kept.scores[i] > score || (kept.scores[i] == score && kept.keys[i] < key)) {
            score = kept.scores[i];
            key = kept.keys[i];
        }
#pragma unroll
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        const float otherScore = __shfl_xor_sync(0xffffffffU, score, lanes);
        const int otherKey = __shfl_xor_sync(0xffffffffU, key, lanes);
        if (otherScore > score || (otherScore == score && otherKey < key)) {
            score = otherScore;
            key = otherKey;
        }
    }
#pragma unroll
    for (int i = 0; i < kTopKeys * Each; ++i)
        if (kept.keys[i] == key)
            kept.scores[i] = kNever;
}

template <class T, int Parts, int Span>
__global__ void __launch_bounds__(32 * kRowsPerBlock) topKeysKernel(const TopArgs a)
{
    constexpr int steps = Span / 16; // of four keys each
    constexpr int each = (steps + 7) / 8;
    extern __shared__ float queries[]; // [kRowsPerBlock, width]
    const TopKeysProblem& p = a.p;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const Index at = p.firstRow + static_cast<Index>(blockIdx.x) * kRowsPerBlock + warp;
    if (at >= p.lastRow)
        return;
    const Index head = at / p.rows;
    const Index kvHead = head * p.kvHeads / p.heads; // heads of a batch entry follow each other, in groups of equal size
    const T* q = static_cast<const T*>(p.q) + at * p.width;
    const T* k = static_cast<const T*>(p.k) + kvHead * p.keys * p.width;
    float* query = queries + warp * p.width;
    for (Index d = lane * 8; d < p.width; d += 256) {
        float x[8];
        readEight<T, Parts>(x, q + d, a.qPart);
        for (int i = 0; i < 8; ++i)
            query[d + i] = x[i];
    }
    __syncwarp();
    const int myCell = lane < kTopKeys ? p.to.topKeys[at * kTopKeys + lane] : -1;
    const int limit = static_cast<int>(min(p.keys, p.firstVisible + at % p.rows));
    Kept<each> kept;
#pragma unroll
    for (int c = 0; c < kTopKeys; ++c) {
        const int first = __shfl_sync(0xffffffffU, myCell, c);
#pragma unroll
        for (int i = 0; i < each; ++i) {
            kept.scores[c * each + i] = kNever;
            kept.keys[c * each + i] = -1;
        }
        if (first < 0)
            continue;
#pragma unroll
        for (int step = 0; step < steps; ++step) {
            const int j = step * 4 + lane / 8;
            const int key = first + j / 2 * 8 + j % 2;
            const float score = dotOf<T, Parts>(a, query, k + static_cast<Index>(min(key, limit - 1)) * p.width);
            if (step % 8 == lane % 8 && key < limit) {
                kept.scores[c * each + step / 8] = score * p.scale;
                kept.keys[c * each + step / 8] = key;
            }
        }
    }
    const float factor = p.qFactors == nullptr ? 1.0F : 1.0F / (p.qFactors[head] * p.kFactors[kvHead]);
    for (int place = 0; place < kTopKeys; ++place) {
        float score = kNever;
        int key = -1;
        takeLargest(kept, score, key);
        if (lane == 0) {
            p.to.topWeights[at * kTopKeys + place] = score == kNever ? 0.0F : expf(score * factor - p.to.lse[at]);
            p.to.topKeys[at * kTopKeys + place] = score == kNever ? -1 : key;
        }
    }
}

template <class T, int Parts>
cudaError_t launch(const TopKeysProblem& p, cudaStream_t stream)
{
    const TopArgs args{p, p.heads * p.rows * p.width, p.kvHeads * p.keys * p.width};
    const auto blocks = static_cast<unsigned>((p.lastRow - p.firstRow + kRowsPerBlock - 1) / kRowsPerBlock);
    const auto bytes = static_cast<std::size_t>(kRowsPerBlock * p.width) * sizeof(float);
    switch (p.span) {
    case 64:
        topKeysKernel<T, Parts, 64><<<blocks, 32 * kRowsPerBlock, bytes, stream>>>(args);
        break;
    case 128:
        topKeysKernel<T, Parts, 128><<<blocks, 32 * kRowsPerBlock, bytes, stream>>>(args);
        break;
    default:
        return cudaErrorInvalidValue;
    }
    return cudaGetLastError();
}

} // namespace

cudaError_t launchTopKeys(const TopKeysProblem& p, cudaStream_t stream)
{
    if (p.lastRow <= p.firstRow)
        return cudaSuccess;
    if (!p.isHalf)
        return launch<__nv_bfloat16, 1>(p, stream);
    return p.parts == 2 ? launch<__half, 2>(p, stream) : launch<__half, 1>(p, stream);
}

} // namespace attnscope::kernels
