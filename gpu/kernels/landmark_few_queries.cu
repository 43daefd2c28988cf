// SPDX-License-Identifier: GPL-3.0-or-later
// Few queries to all keys, and few rows of a matrix times all tokens: the keys are cut into parts that run at the same time.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23, 8 heads, D = 64, n = 262,144):
//   1  four warps of 16 queries, tiles copied by way of registers. Predicted: 69 GFLOP with 64 queries in bf16 at some 150 TFLOP/s, 0.46
//   ms.
//      Measured in whole runs alone: Nystromformer 1.50 ms in bf16, 2.11 in float32; Skyformer with 128 rows 2.73 and 3.65.
#include "gpu/kernels/landmark.h"
#include "gpu/kernels/landmark_tiles.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace few;

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kRows = 16 * kWarps;
constexpr Index kFewestKeys = 4 * kKeys; // of a part
constexpr int kBlocksEach = 8;           // blocks a multiprocessor, so that the last ones don't wait for long

/// Keys [begin, end) of part `split`: whole tiles.
struct Part {
    int begin, end;
    __device__ Part(int keys, int splits, int split)
    {
        const Index tiles = (keys + kKeys - 1) / kKeys;
        begin = static_cast<int>(tiles * split / splits) * kKeys;
        end = min(keys, static_cast<int>(tiles * (split + 1) / splits) * kKeys);
    }
};

struct Args {
    const float* queries;
    const void *k, *v;
    float* outputs;    // [splits, B H, count, Dv], not divided by the sums
    float* statistics; // [splits, B H, count, 2]: largest logit times log2(e), sum
    int heads, kvHeads, batchHeads;
    int count, keys, dim, valueDim;
    int rowTiles, splits;
    Index first;
    float scaleLog2;
    bool gaussian;
};

template <class T, int D>
__global__ void __launch_bounds__(kThreads, D == 64 && !std::is_same_v<T, float> ? 3 : 2) fewQueries(const Args a)
{
    extern __shared__ __align__(16) unsigned char raw[];
    const Tile<D> tile(raw);
    const Index at = a.first + blockIdx.y;
    const int head = static_cast<int>(at / a.rowTiles);
    const int row = static_cast<int>(at % a.rowTiles) * kRows + static_cast<int>(threadIdx.x) / 32 * 16;
    const Index kv = static_cast<Index>(head / a.heads) * a.kvHeads + head % a.heads * a.kvHeads / a.heads;
    const Matrix<T> keys{static_cast<const T*>(a.k) + kv * a.keys * a.dim, a.keys, a.dim, isAligned<T>(a.dim)};
    const Matrix<T> values{static_cast<const T*>(a.v) + kv * a.keys * a.valueDim, a.keys, a.valueDim, isAligned<T>(a.valueDim)};
    Warp<D> warp;
    warp.load(Matrix<float>{a.queries + static_cast<Index>(head) * a.count * a.dim, a.count, a.dim, isAligned<float>(a.dim)}, row);
    if (a.gaussian)
        warp.makeGaussian();
    const Part part(a.keys, a.splits, static_cast<int>(blockIdx.x));
    for (int key0 = part.begin; key0 < part.end; key0 += kKeys) {
        __syncthreads();
        tile.template loadKeys<kWarps>(keys, key0, a.gaussian);
        tile.template loadValues<kWarps>(values, key0);
        __syncthreads();
        warp.template attend<2, kPartsOf<T>>(tile, part.end - key0, a.scaleLog2, a.gaussian);
    }
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        const float sum = warp.total(r);
        const int mine = row + lane / 4 + 8 * r;
        if (mine >= a.count)
            continue;
        const Index to = (static_cast<Index>(blockIdx.x) * a.batchHeads + head) * a.count + mine;
        warp.store(a.outputs + to * a.valueDim, r, 1.0F, a.valueDim, isAligned<float>(a.valueDim));
        if (lane % 4 == 0) {
            a.statistics[2 * to] = warp.top[r];
            a.statistics[2 * to + 1] = sum;
        }
    }
}

/// One row a block.
__global__ void mergeParts(const float* outputs, const float* statistics, float* o, int splits, Index rows, int width, bool gaussian)
{
    const Index row = blockIdx.x;
    float top = -INFINITY;
    for (int s = 0; s < splits; ++s)
        top = fmaxf(top, statistics[2 * (s * rows + row)]);
    float all = 0.0F;
    for (int s = 0; s < splits; ++s)
        all += statistics[2 * (s * rows + row) + 1] * exp2Fast(statistics[2 * (s * rows + row)] - top);
    for (int c = static_cast<int>(threadIdx.x); c < width; c += static_cast<int>(blockDim.x)) {
        float sum = 0.0F;
        for (int s = 0; s < splits; ++s)
            sum = fmaf(outputs[(s * rows + row) * width + c], exp2Fast(statistics[2 * (s * rows + row)] - top), sum);
        o[row * width + c] = gaussian ? sum : sum / all;
    }
}

template <class T, int D>
cudaError_t launch(const Args& args, Index tiles, cudaStream_t stream)
{
    constexpr int bytes = Tile<D>::bytes;
    if (const auto status = cudaFuncSetAttribute(fewQueries<T, D>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    fewQueries<T, D><<<dim3(static_cast<unsigned>(args.splits), static_cast<unsigned>(tiles)), kThreads, bytes, stream>>>(args);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchWidth(const Args& args, Index tiles, cudaStream_t stream)
{
    return std::max(args.dim, args.valueDim) <= 64 ? launch<T, 64>(args, tiles, stream) : launch<T, 128>(args, tiles, stream);
}

struct ProductArgs {
    const float* e;
    const void* x;
    float* parts; // [splits, B heads, rank, cols]
    int heads, eHeads, xHeads, batchHeads;
    int rank, rows, cols, rowTiles, splits;
};

/// Weights from memory in place of those of a softmax.
template <int D>
__device__ void loadWeights(float (&p)[kKeyBlocks][4], const Matrix<float>& e, int row, int key0, int end)
{
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int block = 0; block < kKeyBlocks; ++block)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int r = row + lane / 4 + i / 2 * 8;
            const int key = key0 + block * 8 + lane % 4 * 2 + i % 2;
            p[block][i] = r < e.rows && key < end ? e.data[static_cast<Index>(r) * e.cols + key] : 0.0F;
        }
}

template <class T, int D>
__global__ void __launch_bounds__(kThreads) sequenceProduct(const ProductArgs a)
{
    extern __shared__ __align__(16) unsigned char raw[];
    const Tile<D> tile(raw);
    const int head = static_cast<int>(blockIdx.y) / a.rowTiles;
    const int row = static_cast<int>(blockIdx.y) % a.rowTiles * kRows + static_cast<int>(threadIdx.x) / 32 * 16;
    const Index from = static_cast<Index>(head / a.heads) * a.xHeads + head % a.heads * a.xHeads / a.heads;
    const Matrix<T> x{static_cast<const T*>(a.x) + from * a.rows * a.cols, a.rows, a.cols, isAligned<T>(a.cols)};
    const Matrix<float> e{a.e + static_cast<Index>(head % a.heads * a.eHeads / a.heads) * a.rank * a.rows, a.rank, a.rows, false};
    Warp<D> warp;
    const Part part(a.rows, a.splits, static_cast<int>(blockIdx.x));
    for (int key0 = part.begin; key0 < part.end; key0 += kKeys) {
        float p[kKeyBlocks][4];
        loadWeights<D>(p, e, row, key0, part.end);
        __syncthreads();
        tile.template loadValues<kWarps>(x, key0);
        __syncthreads();
        warp.template addValues<2, kPartsOf<T>, true>(p, tile);
    }
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int r = 0; r < 2; ++r)
        if (const int mine = row + lane / 4 + 8 * r; mine < a.rank)
            warp.store(a.parts + ((static_cast<Index>(blockIdx.x) * a.batchHeads + head) * a.rank + mine) * a.cols, r, 1.0F, a.cols,
                       isAligned<float>(a.cols));
}

__global__ void addParts(const float* parts, float* to, int splits, Index count, float factor)
{
    const Index at = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at >= count)
        return;
    double sum = 0.0;
    for (int s = 0; s < splits; ++s)
        sum += static_cast<double>(parts[s * count + at]);
    to[at] = static_cast<float>(sum * static_cast<double>(factor));
}

template <class T>
cudaError_t launchProduct(const ProductArgs& args, cudaStream_t stream)
{
    const dim3 grid(static_cast<unsigned>(args.splits), static_cast<unsigned>(args.rowTiles * args.batchHeads));
    const auto start = [&](auto kernel, int bytes) {
        const auto status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        if (status == cudaSuccess)
            kernel<<<grid, kThreads, static_cast<std::size_t>(bytes), stream>>>(args);
        return status;
    };
    const auto status = args.cols <= 64 ? start(sequenceProduct<T, 64>, Tile<64>::bytes) : start(sequenceProduct<T, 128>, Tile<128>::bytes);
    return status == cudaSuccess ? cudaGetLastError() : status;
}

Index splitsFor(Index tiles, Index keys, int multiprocessors)
{
    const Index wanted = (static_cast<Index>(multiprocessors) * kBlocksEach + tiles - 1) / tiles;
    return std::clamp<Index>(wanted, 1, std::max<Index>(1, keys / kFewestKeys));
}

} // namespace

Index fewQueriesTiles(const FewQueries& p) { return (p.count + kRows - 1) / kRows * p.batch * p.heads; }

Index fewQueriesSplits(const FewQueries& p, int multiprocessors) { return splitsFor(fewQueriesTiles(p), p.keys, multiprocessors); }

Index fewQueriesScratch(const FewQueries& p) { return p.splits * p.batch * p.heads * p.count * (p.valueDim + 2); }

cudaError_t launchFewQueries(const FewQueries& p, Index first, Index last, cudaStream_t stream)
{
    const auto number = [](Index x) { return static_cast<int>(x); };
    const Args args{p.queries,
                    p.k,
                    p.v,
                    p.scratch,
                    p.scratch + p.splits * p.batch * p.heads * p.count * p.valueDim,
                    number(p.heads),
                    number(p.kvHeads),
                    number(p.batch * p.heads),
                    number(p.count),
                    number(p.keys),
                    number(p.dim),
                    number(p.valueDim),
                    number((p.count + kRows - 1) / kRows),
                    number(p.splits),
                    first,
                    p.weights.scale * 1.4426950408889634F,
                    p.weights.gaussian};
    if (p.dtype == Dtype::F16)
        return launchWidth<__half>(args, last - first, stream);
    return p.dtype == Dtype::BF16 ? launchWidth<__nv_bfloat16>(args, last - first, stream) : launchWidth<float>(args, last - first, stream);
}

cudaError_t launchFewQueriesMerge(const FewQueries& p, cudaStream_t stream)
{
    const Index rows = p.batch * p.heads * p.count;
    mergeParts<<<static_cast<unsigned>(rows), 64, 0, stream>>>(p.scratch, p.scratch + p.splits * rows * p.valueDim, p.o,
                                                               static_cast<int>(p.splits), rows, static_cast<int>(p.valueDim),
                                                               p.weights.gaussian);
    return cudaGetLastError();
}

Index sequenceProductSplits(const SequenceProduct& p, int multiprocessors)
{
    return splitsFor((p.rank + kRows - 1) / kRows * p.batch * p.heads, p.rows, multiprocessors);
}

Index sequenceProductScratch(const SequenceProduct& p) { return p.splits * p.batch * p.heads * p.rank * p.cols; }

cudaError_t launchSequenceProduct(const SequenceProduct& p, cudaStream_t stream)
{
    const auto number = [](Index x) { return static_cast<int>(x); };
    const ProductArgs args{p.e,
                           p.x,
                           p.scratch,
                           number(p.heads),
                           number(p.eHeads),
                           number(p.xHeads),
                           number(p.batch * p.heads),
                           number(p.rank),
                           number(p.rows),
                           number(p.cols),
                           number((p.rank + kRows - 1) / kRows),
                           number(p.splits)};
    const auto status = p.dtype == Dtype::F16    ? launchProduct<__half>(args, stream)
                        : p.dtype == Dtype::BF16 ? launchProduct<__nv_bfloat16>(args, stream)
                                                 : launchProduct<float>(args, stream);
    if (status != cudaSuccess)
        return status;
    const Index count = p.batch * p.heads * p.rank * p.cols;
    addParts<<<static_cast<unsigned>((count + 255) / 256), 256, 0, stream>>>(p.scratch, p.to, args.splits, count, p.factor);
    return cudaGetLastError();
}

} // namespace attnscope::kernels
