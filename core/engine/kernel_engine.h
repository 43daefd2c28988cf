// SPDX-License-Identifier: GPL-3.0-or-later
// The engine of kernel attention: O(n) products of features and values, bidirectional or causal, for any feature map.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/engine/feature_map.h"
#include "core/engine/kernel_state.h"
#include "core/method/inputs.h"

#include <functional>
#include <span>

namespace attnscope {

/// What the engine found for some consecutive queries of one head; the true values are these times exp(logScale_i).
struct QueryBlock {
    HeadRef head;
    Index first = 0;                      ///< the first query
    MatrixView<float> numerators;         ///< [rows, valueDim], sum_j phi(q_i) . phi(k_j) v_j; may be overwritten
    std::span<const double> denominators; ///< [rows], sum_j phi(q_i) . phi(k_j)
    std::span<const float> logScale;      ///< [rows]
};

/// Called once for every query, from several threads at once.
using QuerySink = std::function<void(const QueryBlock&)>;

/// Bidirectional: R^T [V, 1] once per key/value head, then P times it. Causal: the same by chunks with a running state, cut
/// into segments that threads share. The result does not depend on the number of threads. False when stopped.
/// Katharopoulos et al., Transformers are RNNs, ICML 2020, arXiv:2006.16236, eq. 5 and 9.
bool visitQueries(const Inputs& inputs, const FeatureMap& map, const RunContext& context, const QuerySink& sink);

/// O [B, H, N, Dv]: numerators over denominators. Cancelled.
Result<Tensor> runKernel(const Inputs& inputs, const FeatureMap& map, const RunContext& context);

/// Rows that are worked on at a time.
inline constexpr Index kKernelChunk = 128;

/// Floating-point operations and peak bytes of the products alone, without the features. `plain`: the features nearly always are.
double kernelFlops(const Shape& shape, Index features, bool causal, bool plain = false);
double kernelBytes(const Shape& shape, Index features, bool causal, int threads);

} // namespace attnscope
