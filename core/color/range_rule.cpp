// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/color/range_rule.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

using Range = std::pair<double, double>;

Range centralShare(const std::vector<float>& sorted, double share)
{
    const double last = static_cast<double>(sorted.size() - 1);
    const auto at = [&](double q) { return static_cast<double>(sorted[static_cast<std::size_t>(std::lround(q * last))]); };
    return {at((1.0 - share) / 2.0), at((1.0 + share) / 2.0)};
}

Range threeSigma(const std::vector<float>& sorted, const ColorScale& scale)
{
    ColorScale full = scale;
    full.low = sorted.front();
    full.high = sorted.back();
    double sum = 0.0;
    double squares = 0.0;
    for (const float x : sorted) {
        const double p = full.position(x);
        sum += p;
        squares += p * p;
    }
    const double count = static_cast<double>(sorted.size());
    const double mean = sum / count;
    const double sigma = std::sqrt(std::max(0.0, squares / count - mean * mean));
    return {full.value(std::max(0.0, mean - 3.0 * sigma)), full.value(std::min(1.0, mean + 3.0 * sigma))};
}

} // namespace

std::optional<Range> rangeBy(RangeRule rule, std::vector<float> values, const ColorScale& scale)
{
    const bool log = scale.normalisation == Normalisation::Log;
    std::erase_if(values, [log](float x) { return !isDrawable(x) || (log && x < static_cast<float>(kLogFloor)); });
    if (values.empty())
        return std::nullopt;
    std::sort(values.begin(), values.end());
    if (!(values.back() > values.front()))
        return std::nullopt;
    const Range range = rule == RangeRule::Full         ? Range(values.front(), values.back())
                        : rule == RangeRule::Percent999 ? centralShare(values, 0.999)
                        : rule == RangeRule::Percent99  ? centralShare(values, 0.99)
                                                        : threeSigma(values, scale);
    return range.second > range.first ? std::optional(range) : std::nullopt;
}

} // namespace attnscope
