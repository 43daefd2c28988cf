// SPDX-License-Identifier: GPL-3.0-or-later
// Exact attention on Hopper: which form of the kernel (exact_hopper.cuh) runs what.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23, 8 heads, n = 16,384, bf16 unless said; medians of 9):
//   1  TMA, wgmma, two or three consumer warpgroups in turns, softmax beside the next products. Predicted: the exponentials (one per
//      4 D FLOP) and the products need about the same time at D = 64, so overlap should bring about 450 TFLOP/s there and 650 at 128.
//      Measured: D = 64 with 3 x 64 queries and 128 keys a step 1.168 ms (471 TFLOP/s), causal 0.535; with 2 x 64 queries 1.294; with
//      176 keys and 2 x 64 queries 1.215. D = 128, 128 keys 1.646 ms (668), 176 keys 1.590 (691), causal 0.836. D = 256 3.180 (692).
//      cuDNN in the same minute: 1.179, 0.736 causal; 1.680, 0.948 causal. A third stage changed nothing (1.168): memory isn't waited for.
//      Lesson: a third warpgroup is worth 10 % where the exponentials are the limit; wider key tiles 3 % where the products are.
//   2  float32 as two float16 (split.h), three products, a fresh sum per block. Predicted: a third of the bf16 rate, 160 to 220.
//      Measured: D = 64 2.475 ms (222 TFLOP/s), causal 1.246; D = 128 4.537 (242); largest error 7e-7 of the largest output.
#include "gpu/kernels/exact.h"
#include "gpu/kernels/exact_hopper.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace hopper;

/// Calls `use` with the configuration of a problem.
template <class T, bool Causal, class Use>
auto withConfig(const ExactProblem& p, Use use)
{
    const Index widest = std::max(p.shape.dim, p.shape.valueDim);
    if constexpr (std::is_same_v<T, __half>)
        if (p.parts == 2)
            return widest <= 64 ? use(Config<T, 64, 128, 2, 2, 2, Causal>{}) : use(Config<T, 128, 64, 2, 2, 2, Causal>{});
    if (widest <= 64)
        return use(Config<T, 64, 128, 3, 2, 1, Causal>{});
    if (widest <= 128)
        return use(Config<T, 128, 176, 2, 2, 1, Causal>{});
    return use(Config<T, 256, 64, 2, 2, 1, Causal>{});
}

template <class Use>
auto dispatch(const ExactProblem& p, Use use)
{
    if (p.isHalf)
        return p.causal ? withConfig<__half, true>(p, use) : withConfig<__half, false>(p, use);
    return p.causal ? withConfig<__nv_bfloat16, true>(p, use) : withConfig<__nv_bfloat16, false>(p, use);
}

} // namespace

Index exactHopperTiles(const ExactProblem& p)
{
    return dispatch(p, [&p](auto config) {
        constexpr Index rows = decltype(config)::M;
        return (p.shape.queries + rows - 1) / rows * p.shape.batch * p.shape.heads;
    });
}

cudaError_t launchExactHopper(const ExactProblem& p, Index first, Index last, int multiprocessors, cudaStream_t stream)
{
    return dispatch(p, [&](auto config) { return launchConfig<decltype(config)>(p, first, last, multiprocessors, stream); });
}

} // namespace attnscope::kernels
