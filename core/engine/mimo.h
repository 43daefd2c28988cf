// SPDX-License-Identifier: GPL-3.0-or-later
// Several inputs and outputs per token (Mamba-3 MIMO): how ranks of queries read what ranks of keys wrote.
#pragma once

#include "core/base/result.h"
#include "core/method/inputs.h"

#include <vector>

namespace attnscope {

/// Rows of B and C hold R ranks side by side. Rank r' writes v times x_r', rank r reads into the output times o_r, both by channel
/// of v: one channel's map is sum_rr' o_r x_r' q^(r) . k^(r') times decays and steps.
class MimoMix {
public:
    /// Arrays "mimo_x" and "mimo_o" [1, R Dv], rank by rank; 1 / R where they are missing, as official code starts. `channel` counts
    /// from 1; 0 takes the mean of all channels' maps. InvalidShape where `width` isn't R ranks or an array is of another size.
    static Result<MimoMix> make(const Inputs& inputs, HeadRef head, Index rank, Index channel, Index width);

    Index rank() const { return m_rank; }
    Index width() const { return m_width; } ///< of one rank
    double between(Index reads, Index writes) const { return m_between[static_cast<std::size_t>(reads * m_rank + writes)]; }
    double own() const;                                                ///< what the array D is multiplied with: the sum of o_r x_r
    bool changes() const { return m_rank > 1 || m_between[0] != 1.0; } ///< whether mixed() does anything

    /// [rows, R K]: block r' is sum_r between(r, r') q^(r), so that its product with the keys' row is the sum over all pairs of ranks.
    Tensor mixed(MatrixView<const float> reads) const;

private:
    Index m_rank = 1;
    Index m_width = 0;
    std::vector<double> m_between; ///< [reads, writes]
};

} // namespace attnscope
