// SPDX-License-Identifier: GPL-3.0-or-later
// Which axis of a further array (gates, steps, decays) is which: found by comparing its shape with that of q.
#pragma once

#include "core/inputs/layout.h"

namespace attnscope {

/// What the axes of a further array can be.
struct TokenSizes {
    Index batch = 1;
    Index heads = 1;
    Index kvHeads = 1;
    Index queries = 0;
    Index keys = 0;
};

struct ExtraReading {
    std::vector<Index> shape;     ///< four sizes, in the order of `layout`; missing axes are 1
    Layout layout = Layout::BHND; ///< or BNHD
    std::string explanation;      ///< "g [8, 1024] as H, N"
};

/// Arrays go with q by having its tokens and, where they have such axes, its heads (or those of k, or one) and its batch:
/// [N], [N, W], [H, N], [H, N, W], [B, H, N], [B, H, N, W], with tokens before heads where those of q are. One row for all tokens:
/// [1], [H], [H, 1], [H, W], [H, 1, W]. The first of these that fits is taken; others that fit too are named in the explanation.
/// InvalidShape where none fits.
Result<ExtraReading> readExtraLayout(const std::string& name, const std::vector<Index>& shape, const TokenSizes& sizes, bool tokensFirst);

} // namespace attnscope
