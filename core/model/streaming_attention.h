// SPDX-License-Identifier: GPL-3.0-or-later
// Exact attention inside a model's forward pass: softmax streamed over key blocks, causal, bidirectional or within a window.
#pragma once

#include "core/base/run_context.h"
#include "core/method/inputs.h"

namespace attnscope {

/// out [N, H * D], heads side by side, under the inputs' mask; N may be a block of queries that ends where the keys end.
/// Rabe and Staats 2021, arXiv 2112.05682. False when the context was stopped, with part of `out` undone.
bool streamAttention(const Inputs& inputs, MatrixView<float> out, const RunContext& context);

} // namespace attnscope
