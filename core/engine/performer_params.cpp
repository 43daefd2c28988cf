// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/performer_params.h"

#include "core/base/random.h"

namespace attnscope {

Index performerFrequencies(const Params& params)
{
    const Index columns = columnsPerFrequency(performerMap(params));
    return (params.integer("features") + columns - 1) / columns;
}

std::uint64_t performerSeed(const Params& params)
{
    const auto index = static_cast<std::uint64_t>(params.integer("redraw"));
    return index == 0 ? params.seed : Random(params.seed, 0xD7A3U + index).next();
}

bool performerIsOfficial(const Params& params) { return params.text("official-eps") == "on" && estimatesSoftmax(performerMap(params)); }

} // namespace attnscope
