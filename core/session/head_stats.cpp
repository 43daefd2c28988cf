// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/head_stats.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope {

Result<HeadStats> headStats(const ScoreSource& map, const RunContext& context)
{
    HeadStats stats;
    const Index from = map.rows() > 1 ? 1 : 0;
    const Index choice = map.rows() - from;
    const Index count = std::min(choice, kHeadStatsRows);
    std::vector<float> row(static_cast<std::size_t>(map.cols()));
    for (Index i = 0; i < count; ++i) {
        const Index query = from + (2 * i + 1) * choice / (2 * count);
        if (auto done = map.read({query, 0, 1, map.cols(), 0}, Pool::Max, {row.data(), 1, map.cols(), map.cols()}, context); !done)
            return done.error();
        for (const float weight : row)
            stats.entropy -= weight > 0.0F ? double(weight) * std::log(double(weight)) : 0.0;
        stats.firstWeight += double(row.front());
        if (query > 0 && query - 1 < map.cols())
            stats.previousWeight += double(row[static_cast<std::size_t>(query - 1)]);
    }
    for (double* sum : {&stats.entropy, &stats.firstWeight, &stats.previousWeight})
        *sum /= double(std::max<Index>(1, count));
    return stats;
}

} // namespace attnscope
