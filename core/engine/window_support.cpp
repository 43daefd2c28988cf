// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/window_support.h"

#include <algorithm>

namespace attnscope {

KeySupport windowSupport(const KeyMask& mask, const Params& params)
{
    const Index all = mask.queries + mask.keys;
    const Index reach = mask.window > 0 ? mask.window - 1 : all;
    const Index side = std::min(params.integer("window"), reach);
    return {mask.keys, mask.keys - mask.queries, side, mask.causal ? 0 : side, params.integer("globals"), mask.causal ? 0 : reach, reach};
}

} // namespace attnscope
