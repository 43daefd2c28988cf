// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel attention token by token, as a decoder runs it.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/engine/feature_map.h"
#include "core/method/inputs.h"

namespace attnscope {

/// O [B, H, N, Dv]: a state of m (Dv + 1) numbers a head takes one key after the other and answers each query as soon as it has the
/// keys that the query sees: its own where causal, else all of them. Katharopoulos et al., Transformers are RNNs, ICML 2020,
/// arXiv:2006.16236, eq. 16 to 20. Cancelled.
Result<Tensor> runKernelTokens(const Inputs& inputs, const FeatureMap& map, const RunContext& context);

} // namespace attnscope
