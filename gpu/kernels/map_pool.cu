// SPDX-License-Identifier: GPL-3.0-or-later
// Any block of a map at any pooled level, without storing the map: cells are made and pooled in registers, tile by tile.
//
// The difference of the exact and a factored map needs no second set of sums: the exact weights, negated, are what the products of the
// factors are added to.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23: the 1024 x 1024 overview of n = 131,072, float16, D = 64):
//   1  mma.sync, 128 x 128 cells a block, pooled through shared memory. Predicted: 2 n^2 D at 300 TFLOP/s and an exponential a cell, 12 ms.
//      Measured: max 21.7 ms (101 TFLOP/s), minus a factored map of 64 columns 31.1, of 256 86.3. Lesson: two barriers a tile and a
//      64-bit comparison a cell cost more than the products.
//   2  wgmma with three warpgroups, no barrier between warps (each leaves strips of 16 rows, added up by a second pass of 33 MB), masks
//   only
//      where a tile needs them, one exponential a strip for max and min. Predicted: 6 ms. Measured: max 5.5 ms (401 TFLOP/s), mean 8.2;
//      minus 64 columns 12.1, 256 columns 20.3; D = 128 8.1, 10.4, 14.8, 22.6. Split float32: D = 64 9.6, minus 64 columns 20.2.
#include "gpu/kernels/strip.cuh"
#include "gpu/kernels/strip_hopper.cuh"

#include <algorithm>
#include <cfloat>

namespace attnscope::kernels {

namespace {

constexpr int kTileLevel = 7; // a tile is one cell of this level

__device__ float combine(float a, float b, Pool pool)
{
    switch (pool) {
    case Pool::Max:
        return fmaxf(a, b);
    case Pool::Min:
        return fminf(a, b);
    case Pool::Extreme:
        return fabsf(b) > fabsf(a) ? b : a;
    case Pool::Mean:
        break;
    }
    return a + b;
}

/// Changes nothing in combine().
__device__ float neutral(Pool pool) { return pool == Pool::Max ? -INFINITY : pool == Pool::Min ? INFINITY : 0.0F; }

template <Pool kPool>
struct MapEpilogue {
    StripArea area;
    MapCell cell;
    Index firstVisible;
    int level; // at most kTileLevel
    float scaleLog2;
    float product;    // of the factored term's powers of two
    const float* lse; // [N] natural log; null where there is no exact term
    float* out;       // levels 0 to 3: cells; above: what each strip of 16 rows makes of 2^level columns
    Index outCols;

    __device__ Index lastCol(Index, Index, const StripArea& whole) const { return whole.colEnd; }

    /// Scores become minus the weights, in the factored term's units.
    __device__ void betweenTerms(float (&acc)[kTile / 2], Index row, Index) { weigh(acc, row, -product); }

    __device__ float baseOf(Index row) const { return row < area.rowEnd ? lse[row] * (1.0F / kLn2) : 0.0F; }

    __device__ void weigh(float (&acc)[kTile / 2], Index row, float by) const
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const float base = baseOf(row + 8 * r);
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4) {
                acc[i] = by * exp2Fast(fmaf(acc[i], scaleLog2, -base));
                acc[i + 1] = by * exp2Fast(fmaf(acc[i + 1], scaleLog2, -base));
            }
        }
    }

    /// Differences in the factored term's units to cells.
    __device__ void measure(float (&acc)[kTile / 2]) const
    {
        const float by = (cell == MapCell::ExactMinusFactored ? -1.0F : 1.0F) / product;
        if (cell == MapCell::SquaredDifference) {
#pragma unroll
            for (float& x : acc)
                x = x * by * (x * by);
        } else if (cell == MapCell::AbsDifference) {
#pragma unroll
            for (float& x : acc)
                x = fabsf(x * by);
        } else {
#pragma unroll
            for (float& x : acc)
                x *= by;
        }
    }

    /// Masked cells are 0, those outside the area change no pool.
    __device__ void mask(float (&acc)[kTile / 2], Index row, Index col) const
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const Index at = row + 8 * r;
            const int seen = static_cast<int>(max(Index{0}, min(Index{kTile}, firstVisible + at - col)));
            const int inside = at < area.rowEnd ? static_cast<int>(max(Index{0}, min(Index{kTile}, area.colEnd - col))) : 0;
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    const int c = i / 4 * 8 + e;
                    acc[i + e] = c >= inside ? neutral(kPool) : c >= seen ? 0.0F : acc[i + e];
                }
        }
    }

    /// Whether all of the warp's cells are inside and seen.
    __device__ bool isPlain(Index row, Index col) const
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const Index firstRow = row - lane / 4;
        const Index firstCol = col - lane % 4 * 2;
        return firstRow + 16 <= area.rowEnd && firstCol + kTile <= area.colEnd && firstCol + kTile <= firstVisible + firstRow;
    }

    /// Levels 0 to 3: cells of up to 8 x 8, which lie within one product of 8 columns.
    __device__ void poolFine(const float (&acc)[kTile / 2], Index row, Index col) const
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int side = 1 << level;
#pragma unroll
        for (int i = 0; i < kTile / 2; i += 2) {
            const Index r = row + i % 4 / 2 * 8;
            const Index c = col + i / 4 * 8;
            if (level == 0) {
                writeFine(r, c, acc[i]);
                writeFine(r, c + 1, acc[i + 1]);
                continue;
            }
            float x = combine(acc[i], acc[i + 1], kPool);
            for (int l = 1; l < level; ++l)
                x = combine(x, __shfl_xor_sync(0xffffffffU, x, 1 << (l - 1)), kPool);
            for (int l = 0; l < level; ++l)
                x = combine(x, __shfl_xor_sync(0xffffffffU, x, 4 << l), kPool);
            if (lane % 4 * 2 % side == 0 && lane / 4 % side == 0)
                writeFine(r, c, x);
        }
    }
    __device__ void writeFine(Index row, Index col, float value) const
    {
        if (row >= area.rowEnd || col >= area.colEnd)
            return;
        const Index side = Index{1} << level;
        if (kPool == Pool::Mean)
            value /= static_cast<float>((min(area.rowEnd, row + side) - row) * (min(area.colEnd, col + side) - col));
        out[((row - area.row0) >> level) * outCols + ((col - area.col0) >> level)] = value;
    }

    /// Levels 4 to 7: 16 rows by 2^kLevel columns; poolRows() goes on.
    template <int kLevel>
    __device__ void poolStrip(const float (&acc)[kTile / 2], Index row, Index col) const
    {
        constexpr int groups = kTile >> kLevel;
        constexpr int perGroup = kTile / 2 / groups; // numbers of a thread in one cell
#pragma unroll
        for (int g = 0; g < groups; ++g) {
            float x = acc[g * perGroup];
#pragma unroll
            for (int i = 1; i < perGroup; ++i)
                x = combine(x, acc[g * perGroup + i], kPool);
            writeStrip<kLevel>(x, row, col, g);
        }
    }
    template <int kLevel>
    __device__ void writeStrip(float x, Index row, Index col, int group) const
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
        for (int lanes = 16; lanes > 0; lanes /= 2)
            x = combine(x, __shfl_xor_sync(0xffffffffU, x, lanes), kPool);
        const Index firstCol = col - lane % 4 * 2 + (group << kLevel);
        if (lane == 0 && row < area.rowEnd && firstCol < area.colEnd)
            out[((row - area.row0) >> 4) * outCols + ((firstCol - area.col0) >> kLevel)] = x;
    }

    /// A plain tile of exact weights, of which only the largest or smallest counts: one exponential after the comparisons.
    __device__ void poolExactTile(const float (&acc)[kTile / 2], Index row, Index col) const
    {
        constexpr Pool order = kPool == Pool::Min ? Pool::Min : Pool::Max;
        float best[2];
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            best[r] = acc[2 * r];
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
                best[r] = combine(best[r], combine(acc[i], acc[i + 1], order), order);
            best[r] = fmaf(best[r], scaleLog2, -baseOf(row + 8 * r));
        }
        writeStrip<kTileLevel>(exp2Fast(combine(best[0], best[1], order)), row, col, 0);
    }

    __device__ void tile(float (&acc)[kTile / 2], Index row, Index col)
    {
        const bool plain = isPlain(row, col);
        if (kPool != Pool::Mean && cell == MapCell::Exact && level == kTileLevel && plain && scaleLog2 > 0.0F) {
            poolExactTile(acc, row, col);
            return;
        }
        if (cell == MapCell::Exact)
            weigh(acc, row, 1.0F);
        else
            measure(acc);
        if (!plain)
            mask(acc, row, col);
        if (level < 4)
            poolFine(acc, row, col);
        else if (level == 4)
            poolStrip<4>(acc, row, col);
        else if (level == 5)
            poolStrip<5>(acc, row, col);
        else if (level == 6)
            poolStrip<6>(acc, row, col);
        else
            poolStrip<7>(acc, row, col);
    }
    __device__ void end(Index) {}
};

__device__ float factorOf(const float* a, const float* b) { return a == nullptr ? 1.0F : *a * *b; }

template <Pool kPool>
__device__ MapEpilogue<kPool> epilogueOf(const StripArea& area, const MapProblem& p, int level, float* out, Index outCols)
{
    const bool exact = p.cell != MapCell::Factored;
    const float scale = p.exact.scale * 1.4426950408889634F / (exact ? factorOf(p.exact.q.factor, p.exact.k.factor) : 1.0F);
    const float product = p.cell == MapCell::Exact ? 1.0F : factorOf(p.left.factor, p.right.factor);
    return {area, p.cell, p.firstVisible, level, scale, product, p.exact.lse, out, outCols};
}

template <int Parts, Pool kPool>
__global__ void __launch_bounds__(kStripThreads)
    mapKernel(const Strip<__half, Parts> strip, const StripArea area, const MapProblem p, int level, float* out, Index outCols)
{
#ifndef __CUDA_ARCH_FEAT_SM90_ALL
    auto epilogue = epilogueOf<kPool>(area, p, level, out, outCols);
    runStrip(strip, area, epilogue);
#endif
}

template <int Parts, Pool kPool>
__global__ void __launch_bounds__(hopper::kMapThreads, 1)
    mapHopperKernel(const __grid_constant__ hopper::StripMaps maps, const StripArea area, const MapProblem p, int level, float* out,
                    Index outCols)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    auto epilogue = epilogueOf<kPool>(area, p, level, out, outCols);
    hopper::runStrip<Parts>(maps, area, epilogue);
#endif
}

/// Strips of 16 rows by 2^level (at most 128) columns to cells of the block's level: `rowSide` x `colSide` of them make one.
__global__ void poolRows(const float* from, Index rows, Index cols, float* out, Index outCols, Index rowSide, Index colSide, Pool pool,
                         Index allRows, Index allCols, int level)
{
    const Index row0 = static_cast<Index>(blockIdx.x) * rowSide;
    const Index col = static_cast<Index>(blockIdx.y) * blockDim.x + threadIdx.x;
    if (col >= outCols)
        return;
    const Index colEnd = min(cols, (col + 1) * colSide);
    float x = neutral(pool);
    for (Index r = row0; r < min(rows, row0 + rowSide); ++r)
        for (Index c = col * colSide; c < colEnd; ++c)
            x = combine(x, from[r * cols + c], pool);
    const Index side = Index{1} << level;
    const Index row = blockIdx.x;
    if (pool == Pool::Mean)
        x /= static_cast<float>((min(allRows, (row + 1) * side) - row * side) * (min(allCols, (col + 1) * side) - col * side));
    out[row * outCols + col] = x;
}

struct Step {
    StripArea area;
    int level;
    Index rows, cols; // of strips, where there are any
};

Index mapRows(const MapProblem& p) { return p.cell == MapCell::Factored ? p.left.rows : p.exact.q.rows; }
Index mapCols(const MapProblem& p) { return p.cell == MapCell::Factored ? p.right.rows : p.exact.k.rows; }

Step stepOf(const Block& block, Index rows, Index cols, int multiprocessors, int tileRows)
{
    const Index row0 = block.row0 << block.level;
    const Index col0 = block.col0 << block.level;
    const Index rowEnd = std::min(rows, (block.row0 + block.rows) << block.level);
    const Index colEnd = std::min(cols, (block.col0 + block.cols) << block.level);
    const int level = std::min(block.level, kTileLevel);
    const Index rowTiles = (rowEnd - row0 + tileRows - 1) / tileRows;
    const Index colTiles = (colEnd - col0 + kTile - 1) / kTile;
    const Index strips = std::clamp<Index>(8 * multiprocessors / rowTiles + 1, 1, colTiles);
    return {{row0, rowEnd, col0, colEnd, static_cast<int>((colTiles + strips - 1) / strips)},
            level,
            pooledSize(rowEnd - row0, 4),
            pooledSize(colEnd - col0, level)};
}

template <int Parts>
Strip<__half, Parts> stripOf(const MapProblem& p)
{
    Strip<__half, Parts> strip{};
    if (p.cell != MapCell::Factored)
        strip.terms[strip.termCount++] = termOf<__half>(p.exact.q, p.exact.k);
    if (p.cell != MapCell::Exact)
        strip.terms[strip.termCount++] = termOf<__half>(p.left, p.right);
    return strip;
}

template <int Parts>
std::size_t mapBytes(const MapProblem& p, bool isHopper)
{
    const int chunks = stripOf<Parts>(p).chunks();
    return isHopper ? hopper::stripBytes<Parts>(chunks) : stripBytes<__half, Parts>(chunks);
}

template <int Parts, Pool kPool>
cudaError_t launchCells(const MapProblem& p, const CardLimits& card, cudaStream_t stream)
{
    const int tileRows = card.isHopper ? hopper::kMapRows : kTile;
    const Step step = stepOf(p.block, mapRows(p), mapCols(p), card.multiprocessors, tileRows);
    const auto strip = stripOf<Parts>(p);
    const Index rowTiles = (step.area.rowEnd - step.area.row0 + tileRows - 1) / tileRows;
    const Index colTiles = (step.area.colEnd - step.area.col0 + kTile - 1) / kTile;
    const dim3 grid(static_cast<unsigned>(rowTiles),
                    static_cast<unsigned>((colTiles + step.area.tilesPerBlock - 1) / step.area.tilesPerBlock));
    const bool inStrips = p.block.level >= 4;
    float* out = inStrips ? p.scratch : p.out;
    const Index outCols = inStrips ? step.cols : p.block.cols;
    const auto bytes = mapBytes<Parts>(p, card.isHopper);
    const auto* kernel = card.isHopper ? reinterpret_cast<const void*>(mapHopperKernel<Parts, kPool>)
                                       : reinterpret_cast<const void*>(mapKernel<Parts, kPool>);
    auto status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    if (status == cudaSuccess && card.isHopper) {
        hopper::StripMaps maps{};
        status = hopper::makeStripMaps(strip, maps);
        if (status == cudaSuccess)
            mapHopperKernel<Parts, kPool><<<grid, hopper::kMapThreads, bytes, stream>>>(maps, step.area, p, step.level, out, outCols);
    } else if (status == cudaSuccess) {
        mapKernel<Parts, kPool><<<grid, kStripThreads, bytes, stream>>>(strip, step.area, p, step.level, out, outCols);
    }
    if (status == cudaSuccess && inStrips) {
        constexpr unsigned threads = 128;
        const dim3 blocks(static_cast<unsigned>(p.block.rows), static_cast<unsigned>((p.block.cols + threads - 1) / threads));
        poolRows<<<blocks, threads, 0, stream>>>(p.scratch, step.rows, step.cols, p.out, p.block.cols, Index{1} << (p.block.level - 4),
                                                 Index{1} << (p.block.level - step.level), p.pool, step.area.rowEnd - step.area.row0,
                                                 step.area.colEnd - step.area.col0, p.block.level);
    }
    return status == cudaSuccess ? cudaGetLastError() : status;
}

template <int Parts>
cudaError_t choosePool(const MapProblem& p, const CardLimits& card, cudaStream_t stream)
{
    switch (p.pool) {
    case Pool::Max:
        return launchCells<Parts, Pool::Max>(p, card, stream);
    case Pool::Min:
        return launchCells<Parts, Pool::Min>(p, card, stream);
    case Pool::Extreme:
        return launchCells<Parts, Pool::Extreme>(p, card, stream);
    case Pool::Mean:
        break;
    }
    return launchCells<Parts, Pool::Mean>(p, card, stream);
}

} // namespace

Index mapScratch(const Block& block, Index rows, Index cols)
{
    const Step step = stepOf(block, rows, cols, 1, kTile);
    return block.level >= 4 ? step.rows * step.cols : 0;
}

bool fitsMap(const MapProblem& p, const CardLimits& card)
{
    return (p.parts == 2 ? mapBytes<2>(p, card.isHopper) : mapBytes<1>(p, card.isHopper)) <= card.sharedBytes;
}

cudaError_t launchMap(const MapProblem& p, const CardLimits& card, cudaStream_t stream)
{
    return p.parts == 2 ? choosePool<2>(p, card, stream) : choosePool<1>(p, card, stream);
}

} // namespace attnscope::kernels
