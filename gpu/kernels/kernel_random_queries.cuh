// SPDX-License-Identifier: GPL-3.0-or-later
// Performer's pass over the queries: features against the summed values, as attention to as many keys as there are features.
#pragma once

#include "gpu/kernels/kernel_random.cuh"

namespace attnscope::kernels::random {

/// Tiles: of 8 columns of the values. High: blocks of 16 queries of a warp.
template <class T, int Steps, int Tiles, int High>
struct QueryRows {
    std::uint32_t a[High][Steps][4];
    float c[High][Tiles + 1][4];
    float top[High][2];

    __device__ void start(const T* q, Index i, Index last, int dim)
    {
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                top[m][h] = 0.0F;
#pragma unroll
                for (int group = 0; group < Steps / 2; ++group) {
                    const uint4 x = loadEight(q, i + 16 * m + 8 * h + g, last, group * 32 + 8 * t, dim);
                    a[m][2 * group][h] = asHalves<T>(x.x);
                    a[m][2 * group][2 + h] = asHalves<T>(x.y);
                    a[m][2 * group + 1][h] = asHalves<T>(x.z);
                    a[m][2 * group + 1][2 + h] = asHalves<T>(x.w);
                }
            }
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int n = 0; n <= Tiles; ++n)
#pragma unroll
                for (int x = 0; x < 4; ++x)
                    c[m][n][x] = 0.0F;
    }

    /// Moves the tops, to which e is relative, up to the largest e; at the start down to it too.
    __device__ void raise(float (&e)[High][2][4], bool start)
    {
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                float most = fmaxf(fmaxf(e[m][0][2 * h], e[m][0][2 * h + 1]), fmaxf(e[m][1][2 * h], e[m][1][2 * h + 1]));
                most = fmaxf(most, __shfl_xor_sync(kWarp, most, 1));
                most = fmaxf(most, __shfl_xor_sync(kWarp, most, 2));
                most = start ? most : fmaxf(most, 0.0F);
                const float down = start ? 0.0F : exp2f(-most);
                top[m][h] += most;
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    e[m][0][2 * h + i] -= most;
                    e[m][1][2 * h + i] -= most;
#pragma unroll
                    for (int n = 0; n <= Tiles; ++n)
                        c[m][n][2 * h + i] *= down;
                }
            }
    }

    /// 16 features: their W as B fragments, shifts, and summed values as B fragments.
    __device__ void add(const uint4* w, const float* shifts, const uint2* values, bool start)
    {
        const int lane = threadIdx.x % 32;
        float e[High][2][4];
#pragma unroll
        for (int n = 0; n < 2; ++n) {
            const float2 shift = *reinterpret_cast<const float2*>(shifts + 8 * n + 2 * (lane % 4));
#pragma unroll
            for (int m = 0; m < High; ++m)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    e[m][n][2 * h] = shift.x - top[m][h];
                    e[m][n][2 * h + 1] = shift.y - top[m][h];
                }
        }
#pragma unroll
        for (int s = 0; s < Steps; ++s) {
            const uint4 b = w[s * 32 + lane];
#pragma unroll
            for (int m = 0; m < High; ++m) {
                Half<__half>::mma(e[m][0], a[m][s], b.x, b.y);
                Half<__half>::mma(e[m][1], a[m][s], b.z, b.w);
            }
        }
        float over[4] = {kNothing, kNothing, kNothing, kNothing}; // a tree: a chain of maxima would be waited for
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                over[i] = fmaxf(over[i], fmaxf(e[m][0][i], e[m][1][i]));
        if (__any_sync(kWarp, fmaxf(fmaxf(over[0], over[1]), fmaxf(over[2], over[3])) > kRoom || start))
            raise(e, start);
        std::uint32_t phi[High][4];
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int n = 0; n < 2; ++n)
#pragma unroll
                for (int h = 0; h < 2; ++h)
                    phi[m][2 * n + h] = Half<T>::pack(exp2Fast(e[m][n][2 * h]), exp2Fast(e[m][n][2 * h + 1]));
#pragma unroll
        for (int n = 0; n <= Tiles; ++n) {
            const uint2 b = values[n * 32 + lane];
#pragma unroll
            for (int m = 0; m < High; ++m)
                Half<T>::mma(c[m][n], phi[m], b.x, b.y);
        }
    }

    __device__ void store(T* o, Index i, Index last, int cols) const
    {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                const float sum = __shfl_sync(kWarp, c[m][Tiles][2 * h] + c[m][Tiles][2 * h + 1], lane & ~3);
                const Index row = i + 16 * m + 8 * h + lane / 4;
                if (row < last)
                    storeRow<T, Tiles>(o + row * cols, c[m], h, 1.0F / sum, lane % 4, cols);
            }
    }
};

template <int Steps, int Tiles>
constexpr std::size_t queryShared(int features)
{
    return static_cast<std::size_t>(features) / 16 * (Steps * 32 * sizeof(uint4) + (Tiles + 1) * 32 * sizeof(uint2) + 16 * sizeof(float));
}

template <class T, int Steps>
__device__ void fillFrequencies(uint4* fragments, const Problem& p)
{
    for (int at = threadIdx.x; at < p.state.features / 16 * Steps * 32; at += kQueryThreads) {
        const int lane = at % 32;
        const int step = at / 32 % Steps;
        const int f = at / 32 / Steps * 16 + lane / 4;
        std::uint32_t words[4];
        for (int i = 0; i < 4; ++i) {
            const int d = featureOf(step, lane % 4, i & 1, 0);
            words[i] = Half<__half>::pack(frequency(p, f + i / 2 * 8, d), frequency(p, f + i / 2 * 8, d + 1));
        }
        fragments[at] = make_uint4(words[0], words[1], words[2], words[3]);
    }
}

template <class T, int Steps, int Tiles, int High>
__global__ __launch_bounds__(kQueryThreads, Steps == 4 ? 3 : 2) void queryKernel(const Problem p)
{
    extern __shared__ __align__(128) char shared[];
    const int steps = p.state.features / 16;
    auto* const w = reinterpret_cast<uint4*>(shared);
    auto* const values = reinterpret_cast<uint2*>(w + steps * Steps * 32);
    auto* const shifts = reinterpret_cast<float*>(values + steps * (Tiles + 1) * 32);
    const auto head = static_cast<Index>(blockIdx.y);
    const Index unit = head / p.heads * p.kvHeads + head % p.heads * p.kvHeads / p.heads;
    fillFrequencies<T, Steps>(w, p);
    fillFragments<T, false, Tiles>(values, steps, p.state.values + unit * p.state.features * p.state.columns,
                                   p.state.weights + unit * p.state.features, 1.0F);
    for (int f = threadIdx.x; f < p.state.features; f += kQueryThreads)
        shifts[f] = p.state.shifts[unit * p.state.features + f];
    __syncthreads();
    const T* const q = static_cast<const T*>(p.q) + head * p.queries * p.dim;
    T* const o = static_cast<T*>(p.o) + head * p.queries * p.valueDim;
    constexpr int kRows = kQueryThreads / 32 * 16 * High;
    QueryRows<T, Steps, Tiles, High> rows;
    for (Index i = static_cast<Index>(blockIdx.x) * kRows + threadIdx.x / 32 * 16 * High; i < p.queries; i += gridDim.x * Index{kRows}) {
        rows.start(q, i, p.queries, p.dim);
        for (int s = 0; s < steps; ++s)
            rows.add(w + s * Steps * 32, shifts + 16 * s, values + s * (Tiles + 1) * 32, s == 0);
        rows.store(o, i, p.queries, p.valueDim);
    }
}

} // namespace attnscope::kernels::random
