// SPDX-License-Identifier: GPL-3.0-or-later
// Performer on 16-bit inputs: projection, exponential and both products on the tensor cores, features never in device memory.
//
// Ladder (version, prediction, measured on an H100 with bf16, H = 8, D = 64, n = 262,144, 256 features; 2026-11-23):
//   1  keys: W in registers as A, so that the projected C fragments are the A fragments of the sums once exponentiated; 8 warps share
//      64 keys that are copied two stages ahead. Queries: the recurrence of FlashAttention with W as keys, the summed values as values
//      and the features' shifts as a bias; rows and features are rescaled only where an exponent exceeds 2^10. Predicted 0.7 ms, took
//      1.836 ms. Lessons: 8 warps hide nothing; W rounded to bf16 put errors of up to 2e-2 of max |o| into the output, so that
//      the projection is made in float16.
//   2  12 warps on a multiprocessor, 16 keys at a time: 1.531 ms. Lesson: half of the instructions were addresses and subtractions.
//   3  32-bit shared addresses, copies without divisions, sums that start at minus the shift, weights as one more column: predicted
//      0.9 ms, took 1.273 ms (torch.compile 5.249 ms). Lesson: issue slots are 42% used and warps wait for fixed latencies, while
//      the tensor cores idle; the next step is wgmma with its products in the background.
#include "gpu/kernels/kernel_random_keys.cuh"
#include "gpu/kernels/kernel_random_queries.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace random;

struct Plan {
    int features, columns; ///< padded
    bool wide;
    Index units, splits, rows;
    std::size_t floats() const { return partFloats(features, columns, units, splits); }
};

Plan planOf(const KernelProblem& p)
{
    const bool wide = p.shape.dim > 64 || p.shape.valueDim > 64;
    Plan plan{static_cast<int>((p.map.features + 31) / 32 * 32), wide ? 128 : 64, wide, p.shape.batch * p.kvHeads, 0, 0};
    const Index work = plan.units * ((plan.features + kBlockFeatures - 1) / kBlockFeatures) * (plan.columns / kColumns);
    plan.splits = splitKeys(p.shape.keys, work, wide ? 264 : 396, kKeyRows, &plan.rows);
    return plan;
}

template <class T, int Steps, int Tiles, int High>
cudaError_t launch(const KernelProblem& given, const Plan& plan, float* memory, cudaStream_t stream)
{
    const Shape& s = given.shape;
    const StateParts parts = partsAt(memory, plan.features, plan.columns, plan.units, plan.splits);
    const StateParts state = partsAt(memory + plan.floats(), plan.features, plan.columns, plan.units, 1);
    const Problem p{given.q,
                    given.k,
                    given.v,
                    given.o,
                    given.map.wk,
                    given.map.bias,
                    s.queries,
                    s.keys,
                    s.heads,
                    given.kvHeads,
                    plan.rows,
                    static_cast<int>(s.dim),
                    static_cast<int>(s.valueDim),
                    static_cast<int>(given.map.count),
                    static_cast<int>(given.map.features),
                    kLog2E * given.map.factor,
                    kLog2E * given.map.half,
                    parts,
                    state};
    const auto keyBytes = static_cast<std::size_t>(keyShared<Steps>());
    const std::size_t queryBytes = queryShared<Steps, Tiles>(plan.features);
    auto status = cudaFuncSetAttribute(keyKernel<T, Steps>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(keyBytes));
    if (status == cudaSuccess)
        status = cudaFuncSetAttribute(queryKernel<T, Steps, Tiles, High>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(queryBytes));
    if (status != cudaSuccess)
        return status;
    const int groups = (plan.features + kBlockFeatures - 1) / kBlockFeatures * (plan.columns / kColumns);
    const dim3 keyBlocks(static_cast<unsigned>(plan.splits), static_cast<unsigned>(plan.units), static_cast<unsigned>(groups));
    keyKernel<T, Steps><<<keyBlocks, kKeyThreads, keyBytes, stream>>>(p);
    status = cudaGetLastError();
    if (status == cudaSuccess)
        status = mergeParts(parts, state, plan.units, static_cast<int>(given.map.features), true, true, stream);
    if (status != cudaSuccess)
        return status;
    const Index heads = s.batch * s.heads;
    const Index tiles = (s.queries + 64 * High - 1) / (64 * High);
    const dim3 blocks(static_cast<unsigned>(std::clamp<Index>((plan.wide ? 264 : 396) / heads, 1, tiles)), static_cast<unsigned>(heads));
    queryKernel<T, Steps, Tiles, High><<<blocks, kQueryThreads, queryBytes, stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchOf(const KernelProblem& p, const Plan& plan, float* memory, cudaStream_t stream)
{
    return plan.wide ? launch<T, 8, 16, 1>(p, plan, memory, stream) : launch<T, 4, 8, 2>(p, plan, memory, stream);
}

} // namespace

bool fitsRandomFeatures(const KernelProblem& p)
{
    const bool known =
        (p.map.kind == MapKind::Exp || p.map.kind == MapKind::ExpPair) && !p.map.perHead && !p.map.official && p.map.wq == p.map.wk;
    return known && bytesOf(p.dtype) == 2 && !p.causal && p.shape.dim % 8 == 0 && p.shape.valueDim % 8 == 0 && p.shape.dim <= 128 &&
           p.shape.valueDim <= 128 && p.map.features <= kMostFeatures;
}

std::size_t randomFeatureBytes(const KernelProblem& p)
{
    const Plan plan = planOf(p);
    return sizeof(float) * (plan.floats() + partFloats(plan.features, plan.columns, plan.units, 1));
}

cudaError_t launchRandomFeatures(const KernelProblem& p, void* workspace, cudaStream_t stream)
{
    const Plan plan = planOf(p);
    auto* const memory = static_cast<float*>(workspace);
    return p.dtype == Dtype::BF16 ? launchOf<__nv_bfloat16>(p, plan, memory, stream) : launchOf<__half>(p, plan, memory, stream);
}

} // namespace attnscope::kernels
