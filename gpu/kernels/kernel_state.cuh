// SPDX-License-Identifier: GPL-3.0-or-later
// What the tensor-core kernels of kernel attention share: the sums over keys in parts, their merging, and the layout of fragments.
#pragma once

#include "gpu/kernels/kernel_attention.h"
#include "gpu/kernels/tensor_core.cuh"

namespace attnscope::kernels {

constexpr float kLog2E = 1.4426950408889634F;
constexpr float kNothing = -1e30F; // a shift of no keys; finite, so that differences of two are 0
constexpr unsigned kWarp = 0xFFFFFFFFU;

/// Sums over keys: values [F, C], weights [F] and, where the map is logarithmic, shifts [F] in base 2.
struct StateParts {
    float* values = nullptr;  ///< [units, splits, F, C]
    float* weights = nullptr; ///< [units, splits, F]
    float* shifts = nullptr;  ///< [units, splits, F]
    int features = 0;         ///< F, a multiple of 32
    int columns = 0;          ///< C, a multiple of 32
    int splits = 0;
};

/// The sums of all splits, into values [units, F, C], weights [units, F] and shifts [units, F] of `out`. Where `normalise`, values over
/// weights, which no 16-bit number is too small for; the weights become 1 and go into the shifts. Features from `used` on become zeros.
cudaError_t mergeParts(const StateParts& parts, const StateParts& out, Index units, int used, bool normalise, bool shifted,
                       cudaStream_t stream);

inline std::size_t partFloats(int features, int columns, Index units, Index splits)
{
    return static_cast<std::size_t>(units * splits) * static_cast<std::size_t>(features) * static_cast<std::size_t>(columns + 2);
}

inline StateParts partsAt(float* memory, int features, int columns, Index units, Index splits)
{
    const auto rows = static_cast<std::size_t>(units * splits) * static_cast<std::size_t>(features);
    float* const weights = memory + rows * static_cast<std::size_t>(columns);
    return {memory, weights, weights + rows, features, columns, static_cast<int>(splits)};
}

/// The 8 numbers of `row` from column `at` on, zeros outside [0, rows) x [0, cols). Stays where it stands in the program: a load that
/// the compiler moves to its first use is no prefetch.
template <class T>
__device__ uint4 loadEight(const T* matrix, Index row, Index rows, int at, int cols)
{
    uint4 x = make_uint4(0, 0, 0, 0);
    const int there = row < rows && at < cols ? 1 : 0;
    asm volatile("{.reg .pred p; setp.ne.b32 p, %5, 0; @p ld.global.nc.v4.u32 {%0,%1,%2,%3}, [%4];}"
                 : "+r"(x.x), "+r"(x.y), "+r"(x.z), "+r"(x.w)
                 : "l"(matrix + row * cols + at), "r"(there));
    return x;
}

/// The feature, of 32 G, that stands in slot `slot` of k-step `step` where a thread's A fragment comes from 16-byte loads.
__device__ inline int featureOf(int step, int quad, int word, int half)
{
    return step / 2 * 32 + 8 * quad + (step & 1) * 4 + 2 * word + half;
}

/// The column that stands at n = `n` of tile `tile` where a thread's C fragments make 16-byte stores.
__device__ inline int columnOf(int tile, int n) { return tile / 4 * 32 + 8 * (n >> 1) + (tile & 3) * 2 + (n & 1); }

/// B fragments of values [F, C] and, as one more tile, of the weights in two parts that add up to float32's upper 16 bits or more.
/// All are multiplied by `scale`. Steps of 16 features; `Loaded`: in the order of featureOf(), else as they stand.
template <class T, bool Loaded, int Tiles>
__device__ void fillFragments(uint2* fragments, int steps, const float* values, const float* weights, float scale)
{
    for (int at = threadIdx.x; at < steps * (Tiles + 1) * 32; at += blockDim.x) {
        const int lane = at % 32;
        const int tile = at / 32 % (Tiles + 1);
        const int step = at / 32 / (Tiles + 1);
        const int n = lane / 4;
        std::uint32_t words[2];
        for (int w = 0; w < 2; ++w) {
            const int f = Loaded ? featureOf(step, lane % 4, w, 0) : step * 16 + 2 * (lane % 4) + 8 * w;
            float pair[2] = {0.0F, 0.0F};
            for (int e = 0; e < 2; ++e)
                if (tile < Tiles)
                    pair[e] = scale * values[(f + e) * (Tiles * 8) + columnOf(tile, n)];
                else if (n < 2) {
                    const float weight = scale * weights[f + e];
                    const float upper = Half<T>::value(Half<T>::make(weight));
                    pair[e] = n == 0 ? upper : weight - upper;
                }
            words[w] = Half<T>::pack(pair[0], pair[1]);
        }
        fragments[at] = make_uint2(words[0], words[1]);
    }
}

/// Writes a thread's C fragments of one row, times `factor`, 16 bytes at a time.
template <class T, int Tiles>
__device__ void storeRow(T* row, const float (&c)[Tiles + 1][4], int half, float factor, int quad, int cols)
{
#pragma unroll
    for (int four = 0; four < Tiles / 4; ++four) {
        const int at = four * 32 + 8 * quad;
        std::uint32_t w[4];
#pragma unroll
        for (int i = 0; i < 4; ++i)
            w[i] = Half<T>::pack(factor * c[4 * four + i][2 * half], factor * c[4 * four + i][2 * half + 1]);
        if (at < cols)
            *reinterpret_cast<uint4*>(row + at) = make_uint4(w[0], w[1], w[2], w[3]);
    }
}

} // namespace attnscope::kernels
