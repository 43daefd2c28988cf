// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/row_sample.h"

#include "core/base/random.h"

#include <cmath>

namespace attnscope {

namespace {

constexpr double kStandardErrors = 1.96;

Estimate around(double value, double variance)
{
    const double reach = kStandardErrors * std::sqrt(variance);
    return {value, {value - reach, value + reach}};
}

} // namespace

RowSample::RowSample(Index rows, Index pairs, std::uint64_t seed) : m_count(static_cast<double>(rows))
{
    Random random(seed);
    for (Index s = 0; s < pairs; ++s) {
        const Index first = rows * s / pairs;
        const Index length = rows * (s + 1) / pairs - first;
        const auto a = static_cast<Index>(random.uniform() * static_cast<double>(length));
        auto b = static_cast<Index>(random.uniform() * static_cast<double>(length - 1));
        b += b >= a ? 1 : 0;
        m_rows.insert(m_rows.end(), {first + a, first + b});
        m_lengths.push_back(static_cast<double>(length));
    }
}

double RowSample::average(std::span<const double> y) const
{
    double sum = 0.0;
    for (std::size_t s = 0; s < m_lengths.size(); ++s)
        sum += m_lengths[s] * 0.5 * (y[2 * s] + y[2 * s + 1]);
    return sum / m_count;
}

double RowSample::variance(std::span<const double> y) const
{
    double sum = 0.0;
    for (std::size_t s = 0; s < m_lengths.size(); ++s) {
        const double share = m_lengths[s] / m_count;
        const double gap = y[2 * s] - y[2 * s + 1];
        sum += share * share * (1.0 - 2.0 / m_lengths[s]) * 0.25 * gap * gap;
    }
    return sum;
}

Estimate RowSample::mean(std::span<const double> y) const { return around(average(y), variance(y)); }

Estimate RowSample::ratio(std::span<const double> y, std::span<const double> x) const
{
    const double top = average(y);
    if (top == 0.0)
        return {};
    const double bottom = average(x);
    const double ratio = top / bottom;
    std::vector<double> rest(y.size());
    for (std::size_t i = 0; i < y.size(); ++i)
        rest[i] = (y[i] - ratio * x[i]) / bottom;
    return around(ratio, variance(rest));
}

} // namespace attnscope
