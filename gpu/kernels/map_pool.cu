// SPDX-License-Identifier: GPL-3.0-or-later
// Any block of a map at any pooled level, without storing the map: cells are made and pooled in registers, tile by tile.
//
// The difference of the exact and a factored map needs no second set of sums: the exact weights, negated, are what the products of the
// factors are added to.
#include "gpu/kernels/strip.cuh"

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
    int level; // of this step: at most kTileLevel
    float scaleLog2;
    float product;    // of the factored term's powers of two
    const float* lse; // [N] natural log; null where there is no exact term
    float* out;
    Index outRows, outCols;

    __device__ Index lastCol(Index, const StripArea& whole) const { return whole.colEnd; }

    /// Scores become minus the weights, in the factored term's units.
    __device__ void betweenTerms(float (&acc)[kTile / 2], Index row, Index) { weigh(acc, row, -product); }

    __device__ void weigh(float (&acc)[kTile / 2], Index row, float by) const
    {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const float base = row + 8 * r < area.rowEnd ? lse[row + 8 * r] * (1.0F / kLn2) : 0.0F;
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
#pragma unroll
                for (int e = 0; e < 2; ++e)
                    acc[i + e] = by * exp2Fast(fmaf(acc[i + e], scaleLog2, -base));
        }
    }

    /// Accumulators to cells; masked ones are 0, those outside the area change no pool.
    __device__ void finish(float (&acc)[kTile / 2], Index row, Index col) const
    {
        if (cell == MapCell::Exact)
            weigh(acc, row, 1.0F);
        const float by = cell == MapCell::Exact ? 1.0F : (cell == MapCell::ExactMinusFactored ? -1.0F : 1.0F) / product;
        const bool square = cell == MapCell::SquaredDifference;
        const bool absolute = cell == MapCell::AbsDifference;
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const Index at = row + 8 * r;
            const Index seen = firstVisible + at - col;
            const Index inside = at < area.rowEnd ? area.colEnd - col : 0;
#pragma unroll
            for (int i = 2 * r; i < kTile / 2; i += 4)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    float x = acc[i + e] * by;
                    x = square ? x * x : absolute ? fabsf(x) : x;
                    const int c = i / 4 * 8 + e;
                    acc[i + e] = c >= inside ? neutral(kPool) : c >= seen ? 0.0F : x;
                }
        }
    }

    __device__ void write(Index row, Index col, float value) const
    {
        const Index r = row - (area.row0 >> level);
        const Index c = col - (area.col0 >> level);
        if (r >= outRows || c >= outCols)
            return;
        if (kPool == Pool::Mean && level > 0) {
            const Index side = Index{1} << level;
            const Index high = min(area.rowEnd, (row + 1) * side) - row * side;
            const Index wide = min(area.colEnd, (col + 1) * side) - col * side;
            value /= static_cast<float>(high * wide);
        }
        out[r * outCols + c] = value;
    }

    /// Levels 0 to 3: cells of up to 8 x 8, which lie within one product of 8 columns.
    __device__ void poolFine(const float (&acc)[kTile / 2], Index row, Index col) const
    {
        const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
        for (int i = 0; i < kTile / 2; i += 2) {
            const Index r = row + i % 4 / 2 * 8;
            const Index c = col + i / 4 * 8;
            if (level == 0) {
                write(r, c, acc[i]);
                write(r, c + 1, acc[i + 1]);
                continue;
            }
            float x = combine(acc[i], acc[i + 1], kPool);
            for (int l = 1; l < level; ++l)
                x = combine(x, __shfl_xor_sync(0xffffffffU, x, 1 << (l - 1)), kPool);
            for (int l = 0; l < level; ++l)
                x = combine(x, __shfl_xor_sync(0xffffffffU, x, 4 << l), kPool);
            if (lane % 4 % (1 << (level - 1)) == 0 && lane / 4 % (1 << level) == 0)
                write(r >> level, c >> level, x);
        }
    }

    /// Levels 4 to 7: whole warps, then several of them.
    template <int kLevel>
    __device__ void poolCoarse(const float (&acc)[kTile / 2], Index row, Index col) const
    {
        __shared__ float strips[kStripWarps][8];
        constexpr int groups = kTile >> kLevel;      // cells across a tile
        constexpr int warps = (1 << kLevel) / 16;    // that share a cell
        constexpr int perGroup = kTile / 2 / groups; // numbers of a thread in one cell
        const int lane = static_cast<int>(threadIdx.x) % 32;
        const int warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
        for (int g = 0; g < groups; ++g) {
            float x = acc[g * perGroup];
#pragma unroll
            for (int i = 1; i < perGroup; ++i)
                x = combine(x, acc[g * perGroup + i], kPool);
#pragma unroll
            for (int lanes = 16; lanes > 0; lanes /= 2)
                x = combine(x, __shfl_xor_sync(0xffffffffU, x, lanes), kPool);
            if (lane == 0)
                strips[warp][g] = x;
        }
        __syncthreads();
        const int g = static_cast<int>(threadIdx.x) % groups;
        const int first = static_cast<int>(threadIdx.x) / groups * warps;
        if (first < kStripWarps) {
            float x = strips[first][g];
            for (int w = 1; w < warps; ++w)
                x = combine(x, strips[first + w][g], kPool);
            const Index tileRow = (row - lane / 4 - warp * 16) >> kLevel;
            const Index tileCol = (col - lane % 4 * 2) >> kLevel;
            write(tileRow + first / warps, tileCol + g, x);
        }
        __syncthreads();
    }

    __device__ void tile(float (&acc)[kTile / 2], Index row, Index col)
    {
        finish(acc, row, col);
        if (level < 4)
            poolFine(acc, row, col);
        else if (level == 4)
            poolCoarse<4>(acc, row, col);
        else if (level == 5)
            poolCoarse<5>(acc, row, col);
        else if (level == 6)
            poolCoarse<6>(acc, row, col);
        else
            poolCoarse<7>(acc, row, col);
    }
    __device__ void end(Index) {}
};

__device__ float factorOf(const float* a, const float* b) { return a == nullptr ? 1.0F : *a * *b; }

template <int Parts, Pool kPool>
__global__ void __launch_bounds__(kStripThreads, Parts == 1 ? 2 : 1)
    mapKernel(const Strip<__half, Parts> strip, const StripArea area, const MapProblem p, int level, float* out, Index outRows,
              Index outCols)
{
    const float scale =
        p.exact.scale * 1.4426950408889634F / (p.cell == MapCell::Factored ? 1.0F : factorOf(p.exact.q.factor, p.exact.k.factor));
    const float product = p.cell == MapCell::Exact ? 1.0F : factorOf(p.left.factor, p.right.factor);
    MapEpilogue<kPool> epilogue{area, p.cell, p.firstVisible, level, scale, product, p.exact.lse, out, outRows, outCols};
    runStrip(strip, area, epilogue);
}

/// The second step above level 7: cells of level 7 to cells of the block's level.
__global__ void poolAgain(const float* from, Index rows, Index cols, float* out, Index outCols, int shift, Pool pool, Index lastHigh,
                          Index lastWide)
{
    const Index row = blockIdx.x;
    const Index col = blockIdx.y;
    const Index side = Index{1} << shift;
    const Index rowEnd = min(rows, (row + 1) * side);
    const Index colEnd = min(cols, (col + 1) * side);
    float x = neutral(pool);
    float cells = 0.0F;
    for (Index i = threadIdx.x; i < (rowEnd - row * side) * (colEnd - col * side); i += 32) {
        const Index r = row * side + i / (colEnd - col * side);
        const Index c = col * side + i % (colEnd - col * side);
        const auto count = static_cast<float>((r == rows - 1 ? lastHigh : kTile) * (c == cols - 1 ? lastWide : kTile));
        x = combine(x, from[r * cols + c] * (pool == Pool::Mean ? count : 1.0F), pool);
        cells += count;
    }
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        x = combine(x, __shfl_xor_sync(0xffffffffU, x, lanes), pool);
        cells += __shfl_xor_sync(0xffffffffU, cells, lanes);
    }
    if (threadIdx.x == 0)
        out[row * outCols + col] = pool == Pool::Mean ? x / cells : x;
}

struct Step {
    StripArea area;
    int level;
    Index rows, cols; // of its output
};

Index mapRows(const MapProblem& p) { return p.cell == MapCell::Factored ? p.left.rows : p.exact.q.rows; }
Index mapCols(const MapProblem& p) { return p.cell == MapCell::Factored ? p.right.rows : p.exact.k.rows; }

Step stepOf(const Block& block, Index rows, Index cols, int multiprocessors)
{
    const Index row0 = block.row0 << block.level;
    const Index col0 = block.col0 << block.level;
    const Index rowEnd = std::min(rows, (block.row0 + block.rows) << block.level);
    const Index colEnd = std::min(cols, (block.col0 + block.cols) << block.level);
    const int level = std::min(block.level, kTileLevel);
    const Index rowTiles = (rowEnd - row0 + kTile - 1) / kTile;
    const Index colTiles = (colEnd - col0 + kTile - 1) / kTile;
    const Index strips = std::clamp<Index>(8 * multiprocessors / rowTiles + 1, 1, colTiles);
    return {{row0, rowEnd, col0, colEnd, static_cast<int>((colTiles + strips - 1) / strips)},
            level,
            pooledSize(rowEnd - row0, level),
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

template <int Parts, Pool kPool>
cudaError_t launchCells(const MapProblem& p, int multiprocessors, cudaStream_t stream)
{
    const Step step = stepOf(p.block, mapRows(p), mapCols(p), multiprocessors);
    const auto strip = stripOf<Parts>(p);
    const auto bytes = stripBytes<__half, Parts>(strip.chunks());
    const auto kernel = mapKernel<Parts, kPool>;
    if (const auto status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
        status != cudaSuccess)
        return status;
    const bool again = p.block.level > kTileLevel;
    const Index rowTiles = (step.area.rowEnd - step.area.row0 + kTile - 1) / kTile;
    const Index colTiles = (step.area.colEnd - step.area.col0 + kTile - 1) / kTile;
    const dim3 grid(static_cast<unsigned>(rowTiles),
                    static_cast<unsigned>((colTiles + step.area.tilesPerBlock - 1) / step.area.tilesPerBlock));
    kernel<<<grid, kStripThreads, bytes, stream>>>(strip, step.area, p, step.level, again ? p.scratch : p.out, step.rows,
                                                   again ? step.cols : p.block.cols);
    if (again)
        poolAgain<<<dim3(static_cast<unsigned>(p.block.rows), static_cast<unsigned>(p.block.cols)), 32, 0, stream>>>(
            p.scratch, step.rows, step.cols, p.out, p.block.cols, p.block.level - kTileLevel, p.pool,
            (step.area.rowEnd - step.area.row0 - 1) % kTile + 1, (step.area.colEnd - step.area.col0 - 1) % kTile + 1);
    return cudaGetLastError();
}

template <int Parts>
cudaError_t choosePool(const MapProblem& p, int multiprocessors, cudaStream_t stream)
{
    switch (p.pool) {
    case Pool::Max:
        return launchCells<Parts, Pool::Max>(p, multiprocessors, stream);
    case Pool::Min:
        return launchCells<Parts, Pool::Min>(p, multiprocessors, stream);
    case Pool::Extreme:
        return launchCells<Parts, Pool::Extreme>(p, multiprocessors, stream);
    case Pool::Mean:
        break;
    }
    return launchCells<Parts, Pool::Mean>(p, multiprocessors, stream);
}

} // namespace

Index mapScratch(const Block& block, Index rows, Index cols)
{
    const Step step = stepOf(block, rows, cols, 1);
    return block.level > kTileLevel ? step.rows * step.cols : 0;
}

bool fitsMap(const MapProblem& p, std::size_t sharedBytes)
{
    const int chunks = stripOf<1>(p).chunks();
    return (p.parts == 2 ? stripBytes<__half, 2>(chunks) : stripBytes<__half, 1>(chunks)) + 1024 <= sharedBytes;
}

cudaError_t launchMap(const MapProblem& p, int multiprocessors, cudaStream_t stream)
{
    return p.parts == 2 ? choosePool<2>(p, multiprocessors, stream) : choosePool<1>(p, multiprocessors, stream);
}

} // namespace attnscope::kernels
