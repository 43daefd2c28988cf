// SPDX-License-Identifier: GPL-3.0-or-later
// All queries to few keys: a block keeps up to 64 keys and values in shared memory and walks over its queries.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23, 8 heads, D = 64, bf16):
//   1  four warps of 16 queries, three blocks a multiprocessor, five TF32 products. Predicted: 86 GFLOP at n = 262,144 and 64 keys at some
//      150 TFLOP/s, 0.55 ms. Measured with its two poolings, as Linformer: 0.85 ms; n = 16,384: 0.090.
//   2  where no inverse magnifies it, weights and values rounded to 11 bits: three products. Predicted: a third less beside the poolings,
//      0.65 ms. Measured: 0.660 ms, n = 16,384: 0.076. Memory alone would take 0.36; PyTorch's fused
//      attention to the same 64 keys in bfloat16, with its poolings, takes 0.58. The next step is 32 queries a warp, which halves the
//      loads of the right operand.
#include "gpu/kernels/landmark.h"
#include "gpu/kernels/landmark_tiles.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace few;

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
constexpr int kRows = 16 * kWarps;
constexpr int kBlocksEach = 3; // blocks that a multiprocessor holds

struct Args {
    const void* q;
    const float* keys;
    const float* values;
    void* o;
    int heads, keyHeads, valueHeads;
    int queries, count, dim, valueDim;
    int rowTiles;
    Index first, last;
    float scaleLog2;
    bool gaussian;

    __device__ Index headOf(int head, int of) const { return static_cast<Index>(head / heads) * of + head % heads * of / heads; }
};

template <class T, int D, bool Rounds>
__global__ void __launch_bounds__(kThreads, D == 64 && !std::is_same_v<T, float> ? 3 : 2) fewKeys(const Args a)
{
    extern __shared__ __align__(16) unsigned char raw[];
    const Tile<D> tile(raw);
    const Index total = a.last - a.first;
    const Index from = a.first + total * blockIdx.x / gridDim.x;
    const Index to = a.first + total * (blockIdx.x + 1) / gridDim.x;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    int loaded = -1;
    for (Index at = from; at < to; ++at) {
        const int head = static_cast<int>(at / a.rowTiles);
        const int row = static_cast<int>(at % a.rowTiles) * kRows + static_cast<int>(threadIdx.x) / 32 * 16;
        const Matrix<float> keys{a.keys + a.headOf(head, a.keyHeads) * a.count * a.dim, a.count, a.dim, isAligned<float>(a.dim)};
        const Matrix<float> values{a.values + a.headOf(head, a.valueHeads) * a.count * a.valueDim, a.count, a.valueDim,
                                   isAligned<float>(a.valueDim)};
        Warp<D> warp;
        warp.load(
            Matrix<T>{static_cast<const T*>(a.q) + static_cast<Index>(head) * a.queries * a.dim, a.queries, a.dim, isAligned<T>(a.dim)},
            row);
        if (a.gaussian)
            warp.makeGaussian();
        for (int key0 = 0; key0 < a.count; key0 += kKeys) {
            if (a.count > kKeys || head != loaded) {
                __syncthreads();
                tile.template loadKeys<kWarps>(keys, key0, a.gaussian);
                tile.template loadValues<kWarps>(values, key0);
                __syncthreads();
            }
            warp.template attend<kPartsOf<T>, 2, Rounds>(tile, a.count - key0, a.scaleLog2, a.gaussian);
        }
        loaded = head;
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const float by = a.gaussian ? 1.0F : 1.0F / warp.total(r);
            const int mine = row + lane / 4 + 8 * r;
            if (mine < a.queries)
                warp.store(static_cast<T*>(a.o) + (static_cast<Index>(head) * a.queries + mine) * a.valueDim, r, by, a.valueDim,
                           isAligned<T>(a.valueDim));
        }
    }
}

template <class T, int D, bool Rounds>
cudaError_t launch(const Args& args, int multiprocessors, cudaStream_t stream)
{
    constexpr int bytes = Tile<D>::bytes;
    if (const auto status = cudaFuncSetAttribute(fewKeys<T, D, Rounds>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    const auto blocks = static_cast<unsigned>(std::min<Index>(args.last - args.first, static_cast<Index>(multiprocessors) * kBlocksEach));
    fewKeys<T, D, Rounds><<<blocks, kThreads, bytes, stream>>>(args);
    return cudaGetLastError();
}

template <class T, bool Rounds = false>
cudaError_t launchWidth(const Args& args, int multiprocessors, cudaStream_t stream)
{
    return std::max(args.dim, args.valueDim) <= 64 ? launch<T, 64, Rounds>(args, multiprocessors, stream)
                                                   : launch<T, 128, Rounds>(args, multiprocessors, stream);
}

/// 16-bit formats.
template <class T>
cudaError_t launchNarrow(const Args& args, bool rounds, int multiprocessors, cudaStream_t stream)
{
    return rounds ? launchWidth<T, true>(args, multiprocessors, stream) : launchWidth<T>(args, multiprocessors, stream);
}

} // namespace

Index fewKeysTiles(const FewKeys& p) { return (p.queries + kRows - 1) / kRows * p.batch * p.heads; }

cudaError_t launchFewKeys(const FewKeys& p, Index first, Index last, int multiprocessors, cudaStream_t stream)
{
    const auto number = [](Index x) { return static_cast<int>(x); };
    const Args args{p.q,
                    p.keys,
                    p.values,
                    p.o,
                    number(p.heads),
                    number(p.keyHeads),
                    number(p.valueHeads),
                    number(p.queries),
                    number(p.count),
                    number(p.dim),
                    number(p.valueDim),
                    number((p.queries + kRows - 1) / kRows),
                    first,
                    last,
                    p.weights.scale * 1.4426950408889634F,
                    p.weights.gaussian};
    if (p.dtype == Dtype::F16)
        return launchNarrow<__half>(args, p.rounds, multiprocessors, stream);
    return p.dtype == Dtype::BF16 ? launchNarrow<__nv_bfloat16>(args, p.rounds, multiprocessors, stream)
                                  : launchWidth<float>(args, multiprocessors, stream);
}

} // namespace attnscope::kernels
