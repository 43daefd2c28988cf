// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax attention to so few keys that all logits of a query stay in the nearest cache: one maximum, nothing rescaled.
#pragma once

#include "core/base/tensor.h"
#include "core/compute/scratch.h"

namespace attnscope {

/// Above, the packed keys and values leave the nearer caches, and streaming is better.
inline constexpr Index kMostFewKeys = 256;

/// One head's keys [m, D] and values [m, Dv], packed as the products read them. m is 1 to kMostFewKeys.
class FewKeys {
public:
    FewKeys(MatrixView<const float> keys, MatrixView<const float> values);

    /// out [n, Dv] = softmax(scale q Kᵀ) V for q [n, D], on the calling thread; several threads may call at once.
    void attend(MatrixView<const float> q, float scale, MatrixView<float> out) const;

    struct Packed {
        Index keys = 0;
        Index dim = 0;
        Index valueDim = 0;
        float* keyPanels = nullptr;   ///< [ceil(m / w), D, w] with w columns of the register block; Kᵀ, 0 beyond m
        float* valuePanels = nullptr; ///< [ceil(Dv / w), m, w]; 0 beyond Dv
    };

private:
    Scratch m_memory;
    Packed m_packed;
};

} // namespace attnscope
