// SPDX-License-Identifier: GPL-3.0-or-later
// Exact streaming softmax attention, float32 throughout.
//
// Ladder (version, what it does, measured):
//   1  64 queries a block, 16 x 16 threads, tiles of K and V in shared memory, scores and output in registers: 22 TFLOP/s at
//      n = 16,384, D = 64 on an H100 (2026-11-23), 0.66 of PyTorch's memory-efficient kernel in the same run. Lesson: reading
//      both operands of every FMA from shared memory is the limit; the next step is 8 x 8 outputs a thread and wider loads.
//      The whole table: resources/benchmarks/cuda_softmax.json.
#include "gpu/kernels/softmax.h"

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kSide = 16;         // threads along each side of a block
constexpr int kRowsPerThread = 4; // queries
constexpr int kQueries = kSide * kRowsPerThread;
constexpr float kNever = -1e30F; // below every logit, and finite: the difference of two of them is 0, not NaN

template <int D>
struct Tile {
    static constexpr int keys = D > 128 ? 32 : 64;
    static constexpr int keysPerThread = keys / kSide;
    static constexpr int colsPerThread = D / kSide;
    static constexpr int stride = D + 1; // odd: threads that read down a column hit different banks
    static constexpr int scoreStride = keys + 1;
    static constexpr std::size_t bytes = sizeof(float) * (kQueries * stride + 2 * keys * stride + kQueries * scoreStride);
};

/// rows x width values of a [limit, width] matrix into shared memory, zeros beyond both borders.
template <int D>
__device__ void loadTile(float* tile, const float* from, Index row0, Index limit, int rows, int width)
{
    for (int at = threadIdx.x; at < rows * D; at += kSide * kSide) {
        const int r = at / D;
        const int c = at % D;
        const bool inside = c < width && row0 + r < limit;
        tile[r * Tile<D>::stride + c] = inside ? from[(row0 + r) * width + c] : 0.0F;
    }
}

__device__ float rowMax(float x)
{
    for (int step = kSide / 2; step > 0; step /= 2)
        x = fmaxf(x, __shfl_xor_sync(0xffffffffU, x, step, kSide));
    return x;
}

__device__ float rowSum(float x)
{
    for (int step = kSide / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(0xffffffffU, x, step, kSide);
    return x;
}

/// Running maximum and sum of kRowsPerThread rows, shared by the 16 threads of a row.
struct RowState {
    float top[kRowsPerThread];
    float sum[kRowsPerThread];
};

/// s[r][c] = scale q_r . k_c for this thread's rows and keys (tx + 16 c); masked and missing keys get kNever.
template <int D>
__device__ void scoreTile(float (&s)[kRowsPerThread][Tile<D>::keysPerThread], const float* q, const float* k, const SoftmaxProblem& p,
                          Index row0, Index key0)
{
    const int tx = threadIdx.x % kSide;
    const int ty = threadIdx.x / kSide;
    for (auto& row : s)
        for (float& x : row)
            x = 0.0F;
    for (int d = 0; d < D; ++d) {
        float a[kRowsPerThread];
        for (int r = 0; r < kRowsPerThread; ++r)
            a[r] = q[(ty * kRowsPerThread + r) * Tile<D>::stride + d];
#pragma unroll
        for (int c = 0; c < Tile<D>::keysPerThread; ++c) {
            const float b = k[(tx + kSide * c) * Tile<D>::stride + d];
            for (int r = 0; r < kRowsPerThread; ++r)
                s[r][c] = fmaf(a[r], b, s[r][c]);
        }
    }
    for (int r = 0; r < kRowsPerThread; ++r)
        for (int c = 0; c < Tile<D>::keysPerThread; ++c) {
            const Index key = key0 + tx + kSide * c;
            const Index query = row0 + ty * kRowsPerThread + r;
            const bool seen = key < p.shape.keys && (!p.causal || key <= query + p.shape.keys - p.shape.queries);
            s[r][c] = seen ? p.scale * s[r][c] : kNever;
        }
}

/// Turns scores into weights relative to the new maximum, writes them to shared memory, rescales sums and output.
template <int D>
__device__ void softmaxStep(float (&s)[kRowsPerThread][Tile<D>::keysPerThread], RowState& state,
                            float (&o)[kRowsPerThread][Tile<D>::colsPerThread], float* weights)
{
    const int tx = threadIdx.x % kSide;
    const int ty = threadIdx.x / kSide;
#pragma unroll
    for (int r = 0; r < kRowsPerThread; ++r) {
        float top = state.top[r];
        for (int c = 0; c < Tile<D>::keysPerThread; ++c)
            top = fmaxf(top, s[r][c]);
        top = rowMax(top);
        const float shrink = expf(state.top[r] - top);
        float sum = 0.0F;
        for (int c = 0; c < Tile<D>::keysPerThread; ++c) {
            const float w = s[r][c] > kNever ? expf(s[r][c] - top) : 0.0F;
            weights[(ty * kRowsPerThread + r) * Tile<D>::scoreStride + tx + kSide * c] = w;
            sum += w;
        }
        state.sum[r] = state.sum[r] * shrink + rowSum(sum);
        state.top[r] = top;
        for (int c = 0; c < Tile<D>::colsPerThread; ++c)
            o[r][c] *= shrink;
    }
}

template <int D>
__device__ void addValues(float (&o)[kRowsPerThread][Tile<D>::colsPerThread], const float* weights, const float* v)
{
    const int tx = threadIdx.x % kSide;
    const int ty = threadIdx.x / kSide;
    for (int j = 0; j < Tile<D>::keys; ++j) {
        float w[kRowsPerThread];
        for (int r = 0; r < kRowsPerThread; ++r)
            w[r] = weights[(ty * kRowsPerThread + r) * Tile<D>::scoreStride + j];
#pragma unroll
        for (int c = 0; c < Tile<D>::colsPerThread; ++c) {
            const float x = v[j * Tile<D>::stride + tx + kSide * c];
            for (int r = 0; r < kRowsPerThread; ++r)
                o[r][c] = fmaf(w[r], x, o[r][c]);
        }
    }
}

template <int D>
__global__ void __launch_bounds__(kSide* kSide) softmaxKernel(const SoftmaxProblem p, Index firstTile)
{
    extern __shared__ float shared[];
    float* q = shared;
    float* k = q + kQueries * Tile<D>::stride;
    float* v = k + Tile<D>::keys * Tile<D>::stride;
    float* weights = v + Tile<D>::keys * Tile<D>::stride;
    const Shape& s = p.shape;
    const Index rowTiles = (s.queries + kQueries - 1) / kQueries;
    const Index head = (firstTile + blockIdx.x) / rowTiles;
    const Index kvHead = head / s.heads * p.kvHeads + head % s.heads * p.kvHeads / s.heads;
    const Index row0 = (firstTile + blockIdx.x) % rowTiles * kQueries;
    const float* keys = p.k + kvHead * s.keys * s.dim;
    const float* values = p.v + kvHead * s.keys * s.valueDim;
    loadTile<D>(q, p.q + head * s.queries * s.dim, row0, s.queries, kQueries, static_cast<int>(s.dim));

    RowState state;
    float o[kRowsPerThread][Tile<D>::colsPerThread] = {};
    for (int r = 0; r < kRowsPerThread; ++r) {
        state.top[r] = kNever;
        state.sum[r] = 0.0F;
    }
    const Index lastQuery = min(row0 + kQueries, s.queries) - 1;
    const Index end = p.causal ? lastQuery + 1 + s.keys - s.queries : s.keys;
    for (Index key0 = 0; key0 < end; key0 += Tile<D>::keys) {
        __syncthreads();
        loadTile<D>(k, keys, key0, s.keys, Tile<D>::keys, static_cast<int>(s.dim));
        loadTile<D>(v, values, key0, s.keys, Tile<D>::keys, static_cast<int>(s.valueDim));
        __syncthreads();
        float scores[kRowsPerThread][Tile<D>::keysPerThread];
        scoreTile<D>(scores, q, k, p, row0, key0);
        softmaxStep<D>(scores, state, o, weights);
        __syncwarp(); // a row's 16 threads share a warp: its weights need no block-wide barrier
        addValues<D>(o, weights, v);
    }
    const int tx = threadIdx.x % kSide;
    const int ty = threadIdx.x / kSide;
    for (int r = 0; r < kRowsPerThread; ++r)
        for (int c = 0; c < Tile<D>::colsPerThread; ++c) {
            const Index query = row0 + ty * kRowsPerThread + r;
            const int col = tx + kSide * c;
            if (query < s.queries && col < s.valueDim)
                p.o[(head * s.queries + query) * s.valueDim + col] = o[r][c] / state.sum[r];
        }
}

template <int D>
cudaError_t launch(const SoftmaxProblem& p, Index first, Index last, cudaStream_t stream)
{
    const auto bytes = static_cast<int>(Tile<D>::bytes);
    if (const auto status = cudaFuncSetAttribute(softmaxKernel<D>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    softmaxKernel<D><<<static_cast<unsigned>(last - first), kSide * kSide, Tile<D>::bytes, stream>>>(p, first);
    return cudaGetLastError();
}

} // namespace

Index softmaxTiles(const SoftmaxProblem& p) { return (p.shape.queries + kQueries - 1) / kQueries * p.shape.batch * p.shape.heads; }

cudaError_t launchSoftmax(const SoftmaxProblem& p, Index first, Index last, cudaStream_t stream)
{
    const Index widest = std::max(p.shape.dim, p.shape.valueDim);
    if (widest <= 32)
        return launch<32>(p, first, last, stream);
    if (widest <= 64)
        return launch<64>(p, first, last, stream);
    if (widest <= 128)
        return launch<128>(p, first, last, stream);
    return widest <= kSoftmaxMaxDim ? launch<256>(p, first, last, stream) : cudaErrorInvalidValue;
}

} // namespace attnscope::kernels
