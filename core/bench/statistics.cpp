// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

double quantile(const std::vector<double>& sorted, double fraction)
{
    const double at = fraction * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, sorted.size() - 1);
    return std::lerp(sorted[low], sorted[high], at - static_cast<double>(low));
}

} // namespace

Quartiles quartiles(std::vector<double> values)
{
    if (values.empty())
        return {};
    std::sort(values.begin(), values.end());
    return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

double median(std::vector<double> values) { return quartiles(std::move(values)).median; }

} // namespace attnscope
