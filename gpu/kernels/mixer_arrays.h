// SPDX-License-Identifier: GPL-3.0-or-later
// Launches what turns arrays of the inputs into rows and gates of recurrent mixers.
#pragma once

#include "gpu/kernels/mixer.h"

namespace attnscope::kernels {

/// to [batch, heads, rows, cols] in `dtype` from an array that may have one of each for all; its row 0 is the array's `firstRow`.
cudaError_t launchSpread(const Gate& from, Index firstRow, Index batch, const Shape& shape, Index rows, Index cols, void* to, Dtype dtype,
                         cudaStream_t stream);

/// Mamba-3's strengths and own weights [B, H, M] of steps dt and shares λ: λ_t dt_t + (1 - λ_{t+1}) dt_{t+1} and λ_t dt_t.
cudaError_t launchTrapezoid(const Gate& steps, const Gate& shares, const Shape& shape, float* strengths, float* own, cudaStream_t stream);

/// RG-LRU's strengths [B, H, M]: √(1 - e^2g) β; β alone at token 0 where `whole`.
cudaError_t launchGatedStrengths(const Gate& logDecay, const Gate& input, bool whole, const Shape& shape, float* strengths,
                                 cudaStream_t stream);

/// Cosine and sine [B, H, M, pairs, 2] of the angles that rates [.., pairs] times steps have added up to, in float64.
cudaError_t launchAngles(const Gate& rates, const Gate& steps, const Shape& shape, Index pairs, float* to, cudaStream_t stream);

/// Rows [B, H, rows, cols] of q or, with `heads` of them, k, turned by the angles of their tokens; `first` is the token of row 0. A pair is
/// of neighbours, or of a channel and its fellow in the second half.
struct Turn {
    const void* from = nullptr;
    void* to = nullptr;
    const float* angles = nullptr;
    Index heads = 1; ///< of `from`
    Index rows = 0;
    Index first = 0;
    Index cols = 0;
    Index pairs = 0;
    bool halves = false;
};
cudaError_t launchTurn(const Turn& turn, const Shape& shape, Dtype dtype, cudaStream_t stream);

} // namespace attnscope::kernels
