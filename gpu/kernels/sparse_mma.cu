// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax attention to lists of keys on the tensor cores of any card from sm_80 on: windows, blocks of keys, groups of queries.
//
// FlashAttention-2's order of work (Dao 2023, arXiv:2307.08691) over each tile's own list of keys, whose rows are gathered into shared
// memory; masks are looked at only in chunks that some query of the tile doesn't see whole. Tiles with long lists are cut, and what they
// answer is put together by a second kernel.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23, 8 heads, D = 64, bf16; window: 64 keys before the query, causal):
//   1  four warps of 16 queries, 64 keys at a time, two stages. Predicted: at n = 262,144 twice the band's 65 keys are computed, 69 GFLOP
//      or 0.43 ms at the 160 TFLOP/s of exact_mma.cu, beside 0.36 ms of memory: some 0.6 ms. Measured: window 1.03 ms at n = 262,144 and
//      0.078 at 16,384, BigBird 4.54 and 0.277, float32 windows 3.28 and 0.279 (of which the split takes a part). Lesson: 202 registers
//      leave two blocks to a multiprocessor, too few to hide how each tile begins and ends.
//   2  32 keys at a time in three stages, four blocks to a multiprocessor, and warps skip chunks that none of their queries sees, or mask
//      nothing where all see all. Predicted, from trials of the loop alone (0.061 ms against 0.072 with 64 keys and two blocks at
//      n = 16,384; 0.76 against 0.97 at 262,144): a fifth less. Measured: window 0.78 ms at n = 262,144 and 0.061 at 16,384 (0.276 in
//      float32), BigBird 4.22 and 0.236. Lesson: float32, held to two blocks by its two parts, gained next to nothing.
#include "gpu/kernels/sparse_mma.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

template <class C>
cudaError_t launch(const SparseProblem& p, Index first, Index last, cudaStream_t stream)
{
    if (const auto status = cudaFuncSetAttribute(sparseKernel<C>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(C::bytes));
        status != cudaSuccess)
        return status;
    const auto number = [](Index x) { return static_cast<int>(x); };
    const Shape& s = p.exact.shape;
    const Index heads = s.batch * s.heads;
    const Index kvHeads = s.batch * p.exact.kvHeads;
    const SparseArgs args{p,
                          heads * s.queries * s.dim,
                          kvHeads * s.keys * s.dim,
                          kvHeads * s.keys * s.valueDim,
                          number(heads),
                          number(kvHeads),
                          number(s.queries),
                          number(s.keys),
                          number(s.dim),
                          number(s.valueDim),
                          first,
                          p.exact.scale * 1.4426950408889634F};
    const dim3 grid(static_cast<unsigned>(last - first), static_cast<unsigned>((s.valueDim + C::V - 1) / C::V));
    sparseKernel<C><<<grid, kSparseThreads, C::bytes, stream>>>(args);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchWidth(const SparseProblem& p, Index first, Index last, cudaStream_t stream)
{
    const Index widest = std::max(p.exact.shape.dim, p.exact.shape.valueDim);
    if constexpr (std::is_same_v<T, __half>)
        if (p.exact.parts == 2) {
            if (widest <= 64)
                return launch<SparseConfig<T, 64, 64, 32, 2, 2, 2>>(p, first, last, stream);
            return widest <= 128 ? launch<SparseConfig<T, 128, 128, 32, 2, 2, 2>>(p, first, last, stream)
                                 : launch<SparseConfig<T, 256, 128, 32, 2, 2, 1>>(p, first, last, stream);
        }
    if (widest <= 64)
        return launch<SparseConfig<T, 64, 64, 32, 1, 3, 4>>(p, first, last, stream);
    return widest <= 128 ? launch<SparseConfig<T, 128, 128, 32, 1, 3, 2>>(p, first, last, stream)
                         : launch<SparseConfig<T, 256, 128, 32, 1, 2, 2>>(p, first, last, stream);
}

/// One warp a query.
template <class T>
__global__ void mergeKernel(const SparseMerge m)
{
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const Index at = static_cast<Index>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (at >= m.count)
        return;
    const Index first = m.starts == nullptr ? at * m.each : m.starts[at];
    const Index last = m.starts == nullptr ? first + m.each : m.starts[at + 1];
    float top = -INFINITY;
    for (Index i = first; i < last; ++i)
        top = fmaxf(top, m.masses[m.list[i]]);
    float total = 0.0F;
    for (Index i = first; i < last; ++i)
        if (const float mass = m.masses[m.list[i]]; mass > -INFINITY)
            total += m.mean ? 1.0F : expf(mass - top);
    T* out = static_cast<T*>(m.o) + (m.queries == nullptr ? at : m.queries[at]) * m.valueDim;
    for (int col = lane; col < m.valueDim; col += 32) {
        float sum = 0.0F;
        for (Index i = first; i < last; ++i)
            if (const float mass = m.masses[m.list[i]]; mass > -INFINITY)
                sum = fmaf(m.mean ? 1.0F : expf(mass - top), m.answers[m.list[i] * m.valueDim + col], sum);
        out[col] = static_cast<T>(total > 0.0F ? sum / total : 0.0F);
    }
}

template <class T>
cudaError_t merge(const SparseMerge& m, cudaStream_t stream)
{
    constexpr int kWarps = 8;
    mergeKernel<T><<<static_cast<unsigned>((m.count + kWarps - 1) / kWarps), 32 * kWarps, 0, stream>>>(m);
    return cudaGetLastError();
}

} // namespace

cudaError_t launchSparse(const SparseProblem& p, Index first, Index last, cudaStream_t stream)
{
    return p.exact.isHalf ? launchWidth<__half>(p, first, last, stream) : launchWidth<__nv_bfloat16>(p, first, last, stream);
}

cudaError_t launchSparseMerge(const SparseMerge& m, cudaStream_t stream)
{
    if (m.count == 0)
        return cudaSuccess;
    if (m.isWide)
        return merge<float>(m, stream);
    return m.isHalf ? merge<__half>(m, stream) : merge<__nv_bfloat16>(m, stream);
}

} // namespace attnscope::kernels
