// SPDX-License-Identifier: GPL-3.0-or-later
// The queries of causal kernel attention: 128 a block, against the sums before their segment and the segment's keys up to their own.
#pragma once

#include "gpu/kernels/kernel_causal.cuh"

namespace attnscope::kernels::causal {

constexpr int kRing = 3;                 // units of copies in shared memory
constexpr int kUnitBytes = 64 * 128 * 2; // 64 keys of 128 features, or 64 rows of 128 columns
constexpr int kSlabBytes = kRows * 64 * 2;
constexpr float kLeastSum = 1e-6F; // cosFormer's

/// 16 queries of a warp and 8 Tiles columns of their output.
template <class T, int Tiles>
struct Reader {
    float o[Tiles][4] = {};
    float c[8][4];
    float sum[2] = {0.0F, 0.0F};
    float down;
    int row0; ///< of the warp, in the block

    __device__ static std::uint32_t valueAt(std::uint32_t tile, int s, int n)
    {
        const int lane = threadIdx.x % 32;
        return pieceAt<Tiles>(tile, 16 * s + lane / 8 % 2 * 8 + lane % 8, n + lane / 16);
    }
    __device__ void loadQueries(std::uint32_t (&a)[4], std::uint32_t slab, int s) const
    {
        const int lane = threadIdx.x % 32;
        loadMatrices(a, pieceAt<8>(slab, row0 + lane % 16, 2 * s + lane / 16));
    }

    /// 64 features: o += phi(q) times the sums before the segment; likewise the weights, in two parts beside each other in c[0].
    __device__ void addState(std::uint32_t slab, std::uint32_t tile, const float* weights)
    {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int s = 0; s < 4; ++s) {
            std::uint32_t a[4];
            loadQueries(a, slab, s);
#pragma unroll
            for (int n = 0; n < Tiles; n += 2) {
                std::uint32_t b[4];
                loadTransposed(b, valueAt(tile, s, n));
                Half<T>::mma(o[n], a, b[0], b[1]);
                Half<T>::mma(o[n + 1], a, b[2], b[3]);
            }
            std::uint32_t b[2];
#pragma unroll
            for (int w = 0; w < 2; ++w) {
                const float2 given = *reinterpret_cast<const float2*>(weights + 16 * s + 8 * w + 2 * (lane % 4));
                const float x = Half<T>::value(Half<T>::make(given.x));
                const float y = Half<T>::value(Half<T>::make(given.y));
                b[w] = lane < 4 ? Half<T>::pack(x, y) : lane < 8 ? Half<T>::pack(given.x - x, given.y - y) : 0U;
            }
            Half<T>::mma(c[0], a, b[0], b[1]);
        }
    }

    /// After all features of the sums before: into the units in which the segment's own keys are added.
    __device__ void endState(float root)
    {
#pragma unroll
        for (int n = 0; n < Tiles; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                o[n][i] *= root * down;
#pragma unroll
        for (int h = 0; h < 2; ++h)
            sum[h] = threadIdx.x % 4 == 0 ? root * down * (c[0][2 * h] + c[0][2 * h + 1]) : 0.0F;
    }

    __device__ void clearProducts()
    {
#pragma unroll
        for (int n = 0; n < 8; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                c[n][i] = 0.0F;
    }

    /// 64 features of 64 keys, from 16-column step `step0` of the tile on.
    __device__ void addProducts(std::uint32_t slab, std::uint32_t tile, int step0)
    {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int s = 0; s < 4; ++s) {
            std::uint32_t a[4];
            loadQueries(a, slab, s);
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                std::uint32_t b[4];
                loadMatrices(b, pieceAt<16>(tile, 8 * n + lane / 16 * 8 + lane % 8, 2 * (step0 + s) + lane / 8 % 2));
                Half<T>::mma(c[n], a, b[0], b[1]);
                Half<T>::mma(c[n + 1], a, b[2], b[3]);
            }
        }
    }

    /// The values of 64 keys; `ahead`: how many tokens row g of the warp stands after the first of them.
    __device__ void addValues(std::uint32_t tile, int ahead)
    {
        const int t = threadIdx.x % 4;
#pragma unroll
        for (int s = 0; s < 4; ++s) {
            std::uint32_t a[4];
#pragma unroll
            for (int n = 0; n < 2; ++n)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    const int key = 16 * s + 8 * n + 2 * t;
                    const float x = key <= ahead + 8 * h ? down * c[2 * s + n][2 * h] : 0.0F;
                    const float y = key < ahead + 8 * h ? down * c[2 * s + n][2 * h + 1] : 0.0F;
                    sum[h] += x + y;
                    a[2 * n + h] = Half<T>::pack(x, y);
                }
#pragma unroll
            for (int n = 0; n < Tiles; n += 2) {
                std::uint32_t b[4];
                loadTransposed(b, valueAt(tile, s, n));
                Half<T>::mma(o[n], a, b[0], b[1]);
                Half<T>::mma(o[n + 1], a, b[2], b[3]);
            }
        }
    }

    __device__ void store(T* to, Index query, Index queries, int cols, bool clamps)
    {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            sum[h] += __shfl_xor_sync(kWarp, sum[h], 1);
            sum[h] += __shfl_xor_sync(kWarp, sum[h], 2);
            const float by = 1.0F / (clamps ? fmaxf(sum[h], kLeastSum * down) : sum[h]);
            const Index row = query + 8 * h;
#pragma unroll
            for (int n = 0; n < Tiles; ++n) {
                const int col = 8 * n + 2 * static_cast<int>(threadIdx.x % 4);
                if (row >= 0 && row < queries && col < cols)
                    *reinterpret_cast<std::uint32_t*>(to + row * cols + col) = Half<T>::pack(by * o[n][2 * h], by * o[n][2 * h + 1]);
            }
        }
    }
};

/// What a block of 128 queries copies, in units that take turns in shared memory: the sums before its segment, 64 features a unit; then for
/// each 64 keys up to its own their features, 128 a unit, and their values.
template <class T, int Tiles>
struct Copies {
    const Problem& p;
    const T* before;
    const T* phi;
    const T* v;
    Index first; ///< key
    Index last;
    int stateUnits;
    int keyUnits; ///< of 64 keys
    int units;
    std::uint32_t ring;

    __device__ std::uint32_t slot(int unit) const { return ring + static_cast<std::uint32_t>(unit % kRing * kUnitBytes); }
    __device__ void copy(int unit) const
    {
        if (unit < stateUnits)
            copyTile<64, Tiles>(slot(unit), before, unit * kTile, p.features, 0, 8 * Tiles);
        else if (unit < units) {
            const int tile = (unit - stateUnits) / (keyUnits + 1);
            const int part = (unit - stateUnits) % (keyUnits + 1);
            if (part < keyUnits)
                copyTile<64, 16>(slot(unit), phi, first + tile * kTile, last, part * 2 * kTile, p.features);
            else
                copyTile<64, Tiles>(slot(unit), v, first + tile * kTile, last, 0, static_cast<int>(p.given.shape.valueDim));
        }
        commitCopies();
    }
};

template <class T, int Tiles>
__device__ void readUnit(const Copies<T, Tiles>& copies, Reader<T, Tiles>& reader, int unit, std::uint32_t slabs, const float* weights,
                         int inside, float root)
{
    const std::uint32_t tile = copies.slot(unit);
    const int chunks = copies.p.features / kTile;
    if (unit < copies.stateUnits) {
        reader.addState(slabs + static_cast<std::uint32_t>(unit * kSlabBytes), tile, weights + unit * kTile);
        if (unit == copies.stateUnits - 1)
            reader.endState(root);
        return;
    }
    const int at = (unit - copies.stateUnits) / (copies.keyUnits + 1) * kTile; // of the tile, in the segment
    const int part = (unit - copies.stateUnits) % (copies.keyUnits + 1);
    if (at > inside - static_cast<int>(threadIdx.x % 32 / 4) + 15) // all keys come after all queries of the warp
        return;
    if (part == copies.keyUnits) {
        reader.addValues(tile, inside - at);
        return;
    }
    if (part == 0)
        reader.clearProducts();
    for (int chunk = 0; chunk < 2 && 2 * part + chunk < chunks; ++chunk)
        reader.addProducts(slabs + static_cast<std::uint32_t>((2 * part + chunk) * kSlabBytes), tile, 4 * chunk);
}

template <class T, int Tiles>
__global__ __launch_bounds__(kThreads, 2) void readKernel(const Problem p)
{
    extern __shared__ __align__(128) char shared[];
    const Shape& s = p.given.shape;
    const auto head = static_cast<Index>(blockIdx.y);
    const Index unit = unitOf(p, head);
    const Index offset = s.keys - s.queries;
    const Index place = (offset / kRows + static_cast<Index>(blockIdx.x)) * kRows;
    const Index segment = place / kSegment;
    const int chunks = p.features / kTile;
    const std::uint32_t slabs = sharedAddress(shared);
    auto* const weights = reinterpret_cast<float*>(shared + chunks * kSlabBytes + kRing * kUnitBytes);
    Copies<T, Tiles> copies{p,
                            static_cast<const T*>(p.before) + (unit * p.segments + segment) * p.features * p.columns,
                            static_cast<const T*>(p.phiK) + unit * s.keys * p.features,
                            static_cast<const T*>(p.given.v) + keysOf(p, unit) * s.keys * s.valueDim,
                            segment * kSegment,
                            min(s.keys, place + kRows),
                            segment > 0 ? chunks : 0,
                            (chunks + 1) / 2,
                            0,
                            slabs + static_cast<std::uint32_t>(chunks * kSlabBytes)};
    copies.units = copies.stateUnits + static_cast<int>((copies.last - copies.first + kTile - 1) / kTile) * (copies.keyUnits + 1);
    const T* const phiQ = static_cast<const T*>(p.phiQ) + head * s.queries * p.features;
    for (int chunk = 0; chunk < chunks; ++chunk)
        copyTile<kRows, 8>(slabs + static_cast<std::uint32_t>(chunk * kSlabBytes), phiQ, place - offset, s.queries, chunk * kTile,
                           p.features);
    copies.copy(0);
    copies.copy(1);
    for (int f = threadIdx.x; f < p.features && segment > 0; f += kThreads)
        weights[f] = p.weights[(unit * p.segments + segment) * p.features + f];
    Reader<T, Tiles> reader;
    reader.down = p.down;
    reader.row0 = static_cast<int>(threadIdx.x) / 32 * 16;
    reader.clearProducts();
    const int inside = static_cast<int>(place - copies.first) + reader.row0 + static_cast<int>(threadIdx.x) % 32 / 4;
    const float root = rootOf(segment);
    for (int at = 0; at < copies.units; ++at) {
        waitForCopies<1>();
        __syncthreads();
        copies.copy(at + 2);
        readUnit(copies, reader, at, slabs, weights, inside, root);
    }
    reader.store(static_cast<T*>(p.given.o) + head * s.queries * s.valueDim, place - offset + reader.row0 + threadIdx.x % 32 / 4, s.queries,
                 static_cast<int>(s.valueDim), p.given.map.clamps);
}

} // namespace attnscope::kernels::causal
