// SPDX-License-Identifier: GPL-3.0-or-later
// Performer's pass over the keys: the sums of phi(k) vᵀ, 32 features a warp.
#pragma once

#include "gpu/kernels/kernel_random.cuh"

namespace attnscope::kernels::random {

/// Steps: of 16 input columns.
template <int Steps>
constexpr int keyShared()
{
    return kStages * kKeyRows * (32 * Steps + 2 * kColumns + 4);
}

template <class T, int Steps>
struct KeyBlock {
    static constexpr int kRowBytes = 32 * Steps;
    static constexpr int kStageBytes = kKeyRows * kRowBytes;
    static constexpr int kValueBytes = kKeyRows * 2 * kColumns;
    char* shared;
    std::uint32_t base; ///< the same
    const Problem& p;
    const T* k;
    const T* v;
    Index last;
    int col0;

    __device__ float* squares(int stage) const
    {
        return reinterpret_cast<float*>(shared + kStages * (kStageBytes + kValueBytes)) + stage * kKeyRows;
    }
    __device__ std::uint32_t keys(int stage) const { return base + static_cast<std::uint32_t>(stage * kStageBytes); }
    __device__ std::uint32_t values(int stage) const
    {
        return base + static_cast<std::uint32_t>(kStages * kStageBytes + stage * kValueBytes);
    }

    /// Where piece 2 n + (0 or 1, `odd`) of row 8 r + lane % 8 is, but for 8 r rows: pieces trade places within a row, so that reads
    /// down a column hit different banks.
    __device__ static std::uint32_t pieceOf(int lane, int odd, int n)
    {
        return static_cast<std::uint32_t>((((odd ^ lane) & 7) ^ 2 * n) * 16);
    }

    /// Pieces: 16 bytes each, of a row.
    template <int Pieces>
    __device__ void copyRows(std::uint32_t to, const T* from, Index j, int width) const
    {
        constexpr int kRows = kKeyThreads / Pieces; // at a time
        const int row = threadIdx.x / Pieces;
        const int piece = threadIdx.x % Pieces;
        const int left = piece * 8 < width ? static_cast<int>(min(last - j, Index{kKeyRows})) - row : 0;
        const T* const first = from + (j + row) * (from == k ? p.dim : p.valueDim) + piece * 8;
        const int step = kRows * (from == k ? p.dim : p.valueDim);
        to += static_cast<std::uint32_t>(row * Pieces * 16 + ((piece ^ (row & 7)) * 16));
#pragma unroll
        for (int i = 0; i < kKeyRows / kRows; ++i)
            copyAsync(to + static_cast<std::uint32_t>(i * kRows * Pieces * 16), i * kRows < left ? first + i * step : from,
                      i * kRows < left);
    }

    __device__ void copy(int stage, Index j) const
    {
        copyRows<2 * Steps>(keys(stage), k, j, p.dim);
        copyRows<8>(values(stage), v + col0, j, p.valueDim - col0);
        commitCopies();
    }

    /// half |k|² of each key that is there, and more than any exponent for the others; k becomes float16.
    __device__ void square(int stage, Index j) const
    {
#pragma unroll
        for (int i = 0; i < kKeyRows * 4 / kKeyThreads; ++i) {
            const int row = threadIdx.x / 4 + i * (kKeyThreads / 4);
            float sum = 0.0F;
#pragma unroll
            for (int n = 0; n < Steps / 2; ++n) {
                const int piece = static_cast<int>(threadIdx.x) % 4 + 4 * n;
                auto& x = *reinterpret_cast<uint4*>(shared + stage * kStageBytes + row * kRowBytes + ((piece ^ (row & 7)) * 16));
                const uint4 given = x;
#pragma unroll
                for (int e = 0; e < 8; ++e)
                    sum = fmaf(part<T>(given, e), part<T>(given, e), sum);
                if constexpr (!std::is_same_v<T, __half>)
                    x = make_uint4(asHalves<T>(given.x), asHalves<T>(given.y), asHalves<T>(given.z), asHalves<T>(given.w));
            }
            sum += __shfl_xor_sync(kWarp, sum, 1);
            sum += __shfl_xor_sync(kWarp, sum, 2);
            if (threadIdx.x % 4 == 0)
                squares(stage)[row] = j + row < last ? p.half * sum : -kNothing;
        }
    }
};

/// The sums of 32 features over keys, as one warp holds them.
template <class T, int Steps>
struct FeatureSums {
    std::uint32_t w[2][Steps][4];
    float sums[2][8][4] = {};
    float weights[2][4] = {}; ///< as one more column of sums
    float shift[2][2] = {};
    bool started = false;

    __device__ FeatureSums(const Problem& p, int row0)
    {
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int s = 0; s < Steps; ++s)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int f = row0 + 16 * m + 8 * (i & 1) + g;
                    const int d = 16 * s + 8 * (i / 2) + 2 * t;
                    w[m][s][i] = Half<__half>::pack(frequency(p, f, d), frequency(p, f, d + 1));
                }
    }

    /// Moves the shifts, to which c is relative, up to the largest c; at the start down to it too.
    __device__ void raise(float (&c)[2][2][4])
    {
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                float top = fmaxf(fmaxf(c[m][0][2 * h], c[m][0][2 * h + 1]), fmaxf(c[m][1][2 * h], c[m][1][2 * h + 1]));
                top = fmaxf(top, __shfl_xor_sync(kWarp, top, 1));
                top = fmaxf(top, __shfl_xor_sync(kWarp, top, 2));
                top = started ? fmaxf(top, 0.0F) : top;
                const float down = started ? exp2f(-top) : 0.0F;
                shift[m][h] += top;
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    weights[m][2 * h + e] *= down;
                    c[m][0][2 * h + e] -= top;
                    c[m][1][2 * h + e] -= top;
#pragma unroll
                    for (int n = 0; n < 8; ++n)
                        sums[m][n][2 * h + e] *= down;
                }
            }
        started = true;
    }

    /// 16 keys from row `row` of a stage on.
    __device__ void add(const KeyBlock<T, Steps>& block, int stage, int row)
    {
        const int lane = threadIdx.x % 32;
        float c[2][2][4];
#pragma unroll
        for (int n = 0; n < 2; ++n) {
            const float2 square = *reinterpret_cast<const float2*>(block.squares(stage) + row + 8 * n + 2 * (lane % 4));
#pragma unroll
            for (int m = 0; m < 2; ++m)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    c[m][n][2 * h] = -square.x - shift[m][h];
                    c[m][n][2 * h + 1] = -square.y - shift[m][h];
                }
        }
        const std::uint32_t keys = block.keys(stage) + static_cast<std::uint32_t>((row + lane / 16 * 8 + lane % 8) * block.kRowBytes);
#pragma unroll
        for (int s = 0; s < Steps; ++s) {
            std::uint32_t b[4];
            loadMatrices(b, keys + block.pieceOf(lane, lane / 8 % 2, s));
#pragma unroll
            for (int m = 0; m < 2; ++m) {
                Half<__half>::mma(c[m][0], w[m][s], b[0], b[1]);
                Half<__half>::mma(c[m][1], w[m][s], b[2], b[3]);
            }
        }
        float over[4]; // a tree: a chain of maxima would be waited for
#pragma unroll
        for (int i = 0; i < 4; ++i)
            over[i] = fmaxf(fmaxf(c[0][0][i], c[0][1][i]), fmaxf(c[1][0][i], c[1][1][i]));
        if (__any_sync(kWarp, fmaxf(fmaxf(over[0], over[1]), fmaxf(over[2], over[3])) > kRoom || !started))
            raise(c);
        std::uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int n = 0; n < 2; ++n)
#pragma unroll
                for (int h = 0; h < 2; ++h)
                    a[m][n * 2 + h] = Half<T>::pack(exp2Fast(c[m][n][2 * h]), exp2Fast(c[m][n][2 * h + 1]));
        const std::uint32_t values = block.values(stage) + static_cast<std::uint32_t>((row + lane / 8 % 2 * 8 + lane % 8) * 2 * kColumns);
#pragma unroll
        for (int n = 0; n < 8; n += 2) {
            std::uint32_t b[4];
            loadTransposed(b, values + block.pieceOf(lane, lane / 16, n / 2));
#pragma unroll
            for (int m = 0; m < 2; ++m) {
                Half<T>::mma(sums[m][n], a[m], b[0], b[1]);
                Half<T>::mma(sums[m][n + 1], a[m], b[2], b[3]);
            }
        }
        const std::uint32_t one = Half<T>::pack(1.0F, 1.0F);
#pragma unroll
        for (int m = 0; m < 2; ++m)
            Half<T>::mma(weights[m], a[m], one, one);
    }

    __device__ void store(const Problem& p, Index unit, int split, int row0, int col0)
    {
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
        const Index first = (unit * p.parts.splits + split) * p.parts.features;
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                const int f = row0 + 16 * m + 8 * h + g;
                const float weight = weights[m][2 * h];
                if (f >= p.parts.features)
                    continue;
                float* const to = p.parts.values + (first + f) * p.parts.columns + col0;
#pragma unroll
                for (int n = 0; n < 8; ++n)
                    *reinterpret_cast<float2*>(to + 8 * n + 2 * t) = make_float2(sums[m][n][2 * h], sums[m][n][2 * h + 1]);
                if (t == 0 && col0 == 0) {
                    p.parts.weights[first + f] = weight;
                    p.parts.shifts[first + f] = shift[m][h] + (p.bias && f < p.features ? 2.0F * kLog2E * p.bias[f % p.count] : 0.0F);
                }
            }
    }
};

template <class T, int Steps>
__global__ __launch_bounds__(kKeyThreads, Steps == 4 ? 3 : 2) void keyKernel(const Problem p)
{
    extern __shared__ __align__(128) char shared[];
    const auto unit = static_cast<Index>(blockIdx.y);
    const int groups = (p.parts.features + kBlockFeatures - 1) / kBlockFeatures;
    const int row0 = static_cast<int>(blockIdx.z) % groups * kBlockFeatures + static_cast<int>(threadIdx.x) / 32 * 32;
    const int col0 = static_cast<int>(blockIdx.z) / groups * kColumns;
    const Index first = static_cast<Index>(blockIdx.x) * p.rowsPerSplit;
    const KeyBlock<T, Steps> block{shared,
                                   sharedAddress(shared),
                                   p,
                                   static_cast<const T*>(p.k) + unit * p.keys * p.dim,
                                   static_cast<const T*>(p.v) + unit * p.keys * p.valueDim,
                                   min(p.keys, first + p.rowsPerSplit),
                                   col0};
    block.copy(0, first);
    block.copy(1, first + kKeyRows);
    FeatureSums<T, Steps> sums(p, row0);
    waitForCopies<1>();
    __syncthreads();
    block.square(0, first);
    int stage = 0;
    for (Index j = first; j < block.last; j += kKeyRows) {
        const int next = stage == kStages - 1 ? 0 : stage + 1;
        const int after = next == kStages - 1 ? 0 : next + 1;
        waitForCopies<0>();
        __syncthreads(); // the next stage is here, the squares of this one are written, and the one before is read
        block.copy(after, j + 2 * kKeyRows);
        block.square(next, j + kKeyRows);
#pragma unroll
        for (int row = 0; row < kKeyRows; row += 16)
            sums.add(block, stage, row);
        stage = next;
    }
    sums.store(p, unit, static_cast<int>(blockIdx.x), row0, col0);
}

} // namespace attnscope::kernels::random
