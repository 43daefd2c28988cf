// SPDX-License-Identifier: GPL-3.0-or-later
// The feature maps in float32 as tiles of 64 rows by 64 features, for the kernels that take every map.
#pragma once

#include "gpu/kernels/kernel_attention.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace attnscope::kernels::general {

constexpr int kSide = 64; // rows and columns of every tile
constexpr int kThreads = 256;
constexpr int kPitch = kSide + 1;
constexpr int kSlice = 32;    // columns of W that are in shared memory at a time
constexpr int kPerThread = 4; // rows and columns of a thread
constexpr int kStride = kSide / kPerThread;
constexpr float kNothing = -1e30F;       // a shift of no keys; finite, so that differences of two are 0
constexpr float kLeastLog = -27.631021F; // log 1e-12, Hedgehog's least feature
constexpr float kLeastSum = 1e-6F;       // cosFormer's
constexpr float kOfficialEps = 1e-6F;    // Performer's, as published

__host__ __device__ constexpr bool logarithmic(MapKind kind, bool query)
{
    return kind == MapKind::Exp || kind == MapKind::ExpPair || kind == MapKind::Hedgehog || (kind == MapKind::Softmaxes && !query);
}

__device__ inline float asFloat(float x) { return x; }
__device__ inline float asFloat(__half x) { return __half2float(x); }
__device__ inline float asFloat(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline void assign(float& to, float x) { to = x; }
__device__ inline void assign(__half& to, float x) { to = __float2half(x); }
__device__ inline void assign(__nv_bfloat16& to, float x) { to = __float2bfloat16(x); }

/// One side of one head.
struct RowsOf {
    const CardMap& map;
    const float* stats; ///< [rows, 2]
    Index place;        ///< of row 0 among the keys
    Index limit;        ///< rows that there are
    int head;           ///< 0 unless the map differs by head
    int dim;
    bool query;
};

__device__ inline float activation(const CardMap& map, float x)
{
    return x > 0.0F ? (map.eluActivation ? x + 1.0F : x) : (map.eluActivation ? expf(x) : 0.0F);
}

/// y_a y_b of the f-th second-order feature: a counts down in rows of dim, dim - 1, ..
__device__ inline void pairOfFeature(int f, int dim, int& a, int& b)
{
    const float full = static_cast<float>(2 * dim + 1);
    a = static_cast<int>((full - sqrtf(fmaxf(full * full - 8.0F * static_cast<float>(f), 0.0F))) * 0.5F);
    const auto before = [dim](int row) { return row * dim - row * (row - 1) / 2; };
    while (a > 0 && before(a) > f)
        --a;
    while (before(a + 1) <= f)
        ++a;
    b = a + f - before(a);
}

/// Row `local` of a tile, `row` of all; x its columns, p the projected number of the feature, half = half |x|².
__device__ inline float featureAt(const RowsOf& rows, Index row, int f, const float* x, float p, float half)
{
    const CardMap& map = rows.map;
    const int count = static_cast<int>(map.count);
    const float* const stat = rows.stats ? rows.stats + 2 * row : nullptr;
    switch (map.kind) {
    case MapKind::Elu:
        return p > 0.0F ? p + 1.0F : expf(p);
    case MapKind::Relu:
        return fmaxf(p, 0.0F) + map.floor;
    case MapKind::Exp:
    case MapKind::ExpPair: {
        const float e = (f < count ? p : -p) - half + (map.bias ? map.bias[rows.head * count + f] : 0.0F);
        if (!map.official)
            return e;
        const float top = !rows.query ? map.keyTops[rows.head] : map.kind == MapKind::Exp ? stat[0] : fmaxf(stat[0], stat[1]);
        return logf(expf(e - top) + kOfficialEps);
    }
    case MapKind::Trig:
        return f < count ? cosf(p) : sinf(p);
    case MapKind::Cosine: {
        const double angle = static_cast<double>(rows.place + row + 1) / static_cast<double>(map.reach) * 0.5;
        double sine;
        double cosine;
        sincospi(angle, &sine, &cosine);
        return activation(map, p) * static_cast<float>(f < count ? sine : cosine);
    }
    case MapKind::Hedgehog: {
        const float e = f < count ? p - (stat ? stat[0] : 0.0F) : -p - (stat ? stat[1] : 0.0F);
        return stat ? fmaxf(e, kLeastLog) : e;
    }
    case MapKind::Taylor: {
        if (f == 0)
            return 1.0F;
        if (f <= count)
            return x[f - 1];
        int a;
        int b;
        pairOfFeature(f - 1 - count, count, a, b);
        return a == b ? x[a] * x[a] * 0.70710678F : x[a] * x[b];
    }
    case MapKind::Softmaxes:
        return rows.query ? expf(p - stat[0]) : p;
    }
    return 0.0F;
}

/// The logarithm that all features of a row share beside their values: trigonometric maps alone.
__device__ inline float rowLog(const RowsOf& rows, float half) { return rows.map.kind == MapKind::Trig ? half : 0.0F; }

/// Rows first .. first + 63 of a [limit, dim] matrix into x [64, dim + 1], zeros beyond; Taylor's y, projected and scaled, in their place.
template <class T>
__device__ __noinline__ void loadRows(float* x, const T* from, const RowsOf& rows, Index first)
{
    const bool taylor = rows.map.kind == MapKind::Taylor;
    const int cols = taylor ? static_cast<int>(rows.map.count) : rows.dim;
    const float* const w = taylor ? (rows.query ? rows.map.wq : rows.map.wk) : nullptr;
    for (int at = threadIdx.x; at < kSide * cols; at += kThreads) {
        const int r = at / cols;
        const int c = at % cols;
        float value = 0.0F;
        if (first + r >= 0 && first + r < rows.limit) {
            const T* const row = from + (first + r) * rows.dim;
            value = w ? 0.0F : asFloat(row[c]);
            for (int d = 0; w && d < rows.dim; ++d)
                value = fmaf(asFloat(row[d]), w[(static_cast<Index>(rows.head) * cols + c) * rows.dim + d], value);
        }
        x[r * (rows.dim + 1) + c] = taylor ? rows.map.factor * value : value;
    }
}

/// rows x 64 columns of a [limit, cols] matrix into a tile, zeros beyond.
template <class T>
__device__ void loadTile(float* tile, const T* from, Index first, Index limit, int col0, int cols)
{
    for (int at = threadIdx.x; at < kSide * kSide; at += kThreads) {
        const int r = at / kSide;
        const int c = at % kSide;
        tile[r * kPitch + c] = first + r >= 0 && first + r < limit && col0 + c < cols ? asFloat(from[(first + r) * cols + col0 + c]) : 0.0F;
    }
}

/// sums[i][j] += sum_c a[row i][c] b[column j][c], as the thread's 4 x 4 part of 64 x 64.
__device__ inline void addProducts(float (&sums)[4][4], const float* a, int aPitch, int aStep, const float* b, int bPitch, int bStep,
                                   int count)
{
    const int tx = threadIdx.x % kStride;
    const int ty = threadIdx.x / kStride;
#pragma unroll 4
    for (int c = 0; c < count; ++c) {
        float x[4];
        float y[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            x[i] = a[(ty + kStride * i) * aPitch + c * aStep];
            y[i] = b[(tx + kStride * i) * bPitch + c * bStep];
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
            for (int j = 0; j < 4; ++j)
                sums[i][j] = fmaf(x[i], y[j], sums[i][j]);
    }
}

/// half |x|² of each row into `halves` [64]; a barrier must follow.
__device__ inline void halfSquares(const CardMap& map, const float* x, int dim, float* halves)
{
    const int r = threadIdx.x / 4;
    float sum = 0.0F;
    for (int c = threadIdx.x % 4; c < dim && map.half != 0.0F; c += 4)
        sum = fmaf(x[r * (dim + 1) + c], x[r * (dim + 1) + c], sum);
    sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 1);
    sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 2);
    if (threadIdx.x % 4 == 0)
        halves[r] = map.half * sum;
}

/// Features f0 .. f0 + 63 (or their logarithms) of the rows in x into phi [64, 65]. `slice` [64, 33] is scratch. Begins and ends with
/// a barrier.
__device__ __noinline__ static void featureTile(const RowsOf& rows, Index first, const float* x, const float* halves, int f0, float* slice,
                                                float* phi)
{
    const CardMap& map = rows.map;
    const int count = static_cast<int>(map.count);
    const float* const w = rows.query ? map.wq : map.wk;
    const int tx = threadIdx.x % kStride;
    const int ty = threadIdx.x / kStride;
    float p[4][4] = {};
    __syncthreads();
    for (int c0 = 0; w && map.kind != MapKind::Taylor && c0 < rows.dim; c0 += kSlice) {
        for (int at = threadIdx.x; at < kSide * kSlice; at += kThreads) {
            const int f = f0 + at / kSlice;
            const int c = c0 + at % kSlice;
            slice[at / kSlice * (kSlice + 1) + at % kSlice] =
                f < map.features && c < rows.dim ? w[(static_cast<Index>(rows.head) * count + f % count) * rows.dim + c] : 0.0F;
        }
        __syncthreads();
        addProducts(p, x + c0, rows.dim + 1, 1, slice, kSlice + 1, 1, min(kSlice, rows.dim - c0));
        __syncthreads();
    }
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) {
            const int r = ty + kStride * i;
            const int f = f0 + tx + kStride * j;
            float value = 0.0F;
            if (f < map.features && first + r >= 0 && first + r < rows.limit) {
                const float projected = map.factor * (w ? p[i][j] : map.kind == MapKind::Taylor ? 0.0F : x[r * (rows.dim + 1) + f % count]);
                value = featureAt(rows, first + r, f, x + r * (rows.dim + 1), projected, halves[r]);
            }
            phi[r * kPitch + tx + kStride * j] = value;
        }
    __syncthreads();
}

} // namespace attnscope::kernels::general
