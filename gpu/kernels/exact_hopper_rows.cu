// SPDX-License-Identifier: GPL-3.0-or-later
// Exact attention on Hopper with the statistics of its rows, in one pass over the keys: which form of the kernel (exact_hopper.cuh) runs.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-24, float16, n = 131,072, one head; output alone 8.89 ms at D = 64):
//   1  sums and lists of cells beside the softmax, two warpgroups instead of three at D = 64. Predicted: 12 ms. Measured: D = 64 12.6 ms,
//      with the largest weights (top_keys.cu) 14.2; D = 128 16.5 and 19.7, output alone 13.4; split float32 D = 64 23.9 and 26.9, output
//      alone 20.5. Apart they take 8.9 and 13.0 ms. 8 heads of 16,384, D = 64: 1.67 and 3.51, output alone 1.17.
#include "gpu/kernels/exact.h"
#include "gpu/kernels/exact_hopper.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace hopper;

/// Calls `use` with the configuration of a problem: two warpgroups, whose threads have registers for the lists of cells.
template <class T, bool Causal, class Use>
auto withRowsConfig(const ExactProblem& p, Use use)
{
    const Index widest = std::max(p.shape.dim, p.shape.valueDim);
    if constexpr (std::is_same_v<T, __half>)
        if (p.parts == 2)
            return widest <= 64 ? use(Config<T, 64, 128, 2, 2, 2, Causal, true>{}) : use(Config<T, 128, 64, 2, 2, 2, Causal, true>{});
    if (widest <= 64)
        return use(Config<T, 64, 128, 2, 2, 1, Causal, true>{});
    if (widest <= 128)
        return use(Config<T, 128, 128, 2, 2, 1, Causal, true>{});
    return use(Config<T, 256, 64, 2, 2, 1, Causal, true>{});
}

template <class Use>
auto dispatch(const ExactProblem& p, Use use)
{
    if (p.isHalf)
        return p.causal ? withRowsConfig<__half, true>(p, use) : withRowsConfig<__half, false>(p, use);
    return p.causal ? withRowsConfig<__nv_bfloat16, true>(p, use) : withRowsConfig<__nv_bfloat16, false>(p, use);
}

} // namespace

Index exactHopperRowsTiles(const ExactProblem& p)
{
    return dispatch(p, [&p](auto config) {
        constexpr Index rows = decltype(config)::M;
        return (p.shape.queries + rows - 1) / rows * p.shape.batch * p.shape.heads;
    });
}

cudaError_t launchExactHopperRows(const ExactProblem& p, Index first, Index last, int multiprocessors, cudaStream_t stream)
{
    return dispatch(p, [&](auto config) { return launchConfig<decltype(config)>(p, first, last, multiprocessors, stream); });
}

cudaError_t launchExactTopKeys(const ExactProblem& p, cudaStream_t stream)
{
    const Shape& s = p.shape;
    TopKeysProblem top;
    top.q = p.q;
    top.k = p.k;
    top.isHalf = p.isHalf;
    top.parts = p.parts;
    top.rows = s.queries;
    top.keys = s.keys;
    top.width = s.dim;
    top.heads = static_cast<int>(s.batch * s.heads);
    top.kvHeads = static_cast<int>(s.batch * p.kvHeads);
    top.lastRow = s.batch * s.heads * s.queries;
    top.firstVisible = p.causal ? 1 + s.keys - s.queries : s.keys;
    top.scale = p.scale;
    top.qFactors = p.factors;
    top.kFactors = p.factors == nullptr ? nullptr : p.factors + top.heads;
    top.span = dispatch(p, [](auto config) { return decltype(config)::N; });
    top.to = p.rows;
    return launchTopKeys(top, stream);
}

} // namespace attnscope::kernels
