// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/block_pattern.h"

#include "core/base/random.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace attnscope {

std::vector<Index> BlockPattern::drawn(Index own, HeadRef head) const
{
    std::vector<Index> others;
    for (Index b = 1; b + 1 < blocks(); ++b)
        if (std::abs(b - own) > 1)
            others.push_back(b);
    Random generator(seed, (static_cast<std::uint64_t>(head.batch) << 40U) + (static_cast<std::uint64_t>(head.head) << 32U) +
                               static_cast<std::uint64_t>(own));
    const auto kept = std::min(static_cast<std::size_t>(random), others.size());
    for (std::size_t i = 0; i < kept; ++i)
        std::swap(others[i], others[i + static_cast<std::size_t>(generator.uniform() * static_cast<double>(others.size() - i))]);
    others.resize(kept);
    return others;
}

std::vector<Index> BlockPattern::seen(Index own, HeadRef head) const
{
    std::vector<Index> all{0, blocks() - 1, own};
    if (isGlobal(own)) {
        all.resize(static_cast<std::size_t>(blocks()));
        std::iota(all.begin(), all.end(), Index{0});
        return all;
    }
    const auto others = drawn(own, head);
    all.insert(all.end(), {own - 1, own + 1});
    all.insert(all.end(), others.begin(), others.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

} // namespace attnscope
