// SPDX-License-Identifier: GPL-3.0-or-later
// The state of a recurrent mixer between chunks: kept in float64, multiplied in float32.
#pragma once

#include "core/engine/mixer_chunk.h"

#include <vector>

namespace attnscope {

class MixerState {
public:
    MixerState(Index width, Index valueDim);

    /// S becomes S' of the chunk, whose tokens have the values v [rows, V].
    void advance(const MixerChunk& chunk, MatrixView<const float> v);

    /// S [K, V].
    MatrixView<const float> values() const { return m_rounded.matrix(); }

private:
    std::vector<double> m_sums;
    Tensor m_rounded;
    Tensor m_added;
    Tensor m_erased;
    Tensor m_kept;
};

/// O [queries, V] of a chunk from the state before it; `own` holds what each query takes of its own value, or nothing.
void answerChunk(const MixerChunk& chunk, MatrixView<const float> before, MatrixView<const float> v, float scale,
                 std::span<const float> own, MatrixView<float> out);

} // namespace attnscope
