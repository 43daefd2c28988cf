// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax terms inside a window and Taylor terms outside it under one denominator, in O(n) by chunks; and the map.
#pragma once

#include "core/base/result.h"
#include "core/compute/streaming_softmax.h"
#include "core/method/inputs.h"
#include "core/scores/score_source.h"

#include <memory>
#include <span>

namespace attnscope {

/// Query i stands at key p = i + (M - N), so N <= M. Keys within `side` of p weigh exp(t), the others that it sees 1 + u + u²/2, with
/// t = scale q . k and u = scale Pq . Pk; P may be null for u = t.
struct TaylorWindow {
    Index side = 0;
    std::shared_ptr<const Tensor> projection;
};

/// One head: outputs into out [N, Dv] where that has data, and of each row the shift and the sum of its weights times exp(-shift)
/// into norms [N] where that is not empty. False when stopped.
bool walkTaylorWindow(const Inputs& inputs, HeadRef head, const TaylorWindow& window, MatrixView<float> out, std::span<RowNorm> norms,
                      const RunContext& context);

/// The map of one head by tiles, O(N) memory beyond the projected rows. Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeTaylorWindowSource(const Inputs& inputs, HeadRef head, const TaylorWindow& window,
                                                                  const RunContext& context);

/// Floating-point operations of all heads, and bytes that one head's walk takes at most.
double taylorWindowFlops(const Shape& shape, Index side, Index taylorDim, bool causal);
double taylorWindowBytes(const Shape& shape, Index side, Index taylorDim, bool causal, int threads);

} // namespace attnscope
