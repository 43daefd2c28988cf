// SPDX-License-Identifier: GPL-3.0-or-later
// Rotary position embedding (Su et al. 2021, arXiv 2104.09864) with the scalings of Hugging Face configs.
#pragma once

#include "core/base/run_context.h"
#include "core/base/shape.h"
#include "core/model/config.h"

#include <vector>

namespace attnscope {

/// The angle per position of each rotated pair, [dims / 2], rounded to float32 as PyTorch rounds it: at position 10^4 one unit
/// in the last place is an angle of 10^-3. `length` is that of the text: only Dynamic depends on it.
std::vector<float> ropeFrequencies(const RopeConfig& rope, Index length);

/// cos and sin of every position and pair.
class RopeTable {
public:
    RopeTable() = default;
    /// Incomplete where the context was stopped.
    RopeTable(const RopeConfig& rope, Index length, const RunContext& context);

    /// Rotates the first `dims` entries of one head's q or k at `position`: pairs (i, i + dims / 2), as Hugging Face stores them.
    void rotate(float* head, Index position) const;

private:
    Index m_half = 0;
    std::vector<float> m_cos; // [length, dims / 2]
    std::vector<float> m_sin;
};

} // namespace attnscope
