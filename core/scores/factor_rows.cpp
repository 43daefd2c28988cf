// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/factor_rows.h"

#include <algorithm>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kRowsAtOnce = 256; // of what must be computed first

void addRows(MatrixView<const float> rows, double weight, std::vector<double>& sum)
{
    for (Index i = 0; i < rows.rows; ++i) {
        const float* const in = rows.row(i);
        for (Index c = 0; c < rows.cols; ++c)
            sum[static_cast<std::size_t>(c)] += weight * static_cast<double>(in[c]);
    }
}

/// Of the rows [first, last), whole runs by their means.
void addRange(const FactorRows& factor, Index first, Index last, bool byMeans, Tensor& scratch, std::vector<double>& sum)
{
    constexpr Index run = Index{1} << FactorRows::kMeanLevel;
    if (byMeans) {
        const Index end = (last + run - 1) / run;
        const Index whole = last % run == 0 ? end : end - 1;
        addRows(factor.means().rowRange(first / run, whole - first / run), static_cast<double>(run), sum);
        if (whole < end)
            addRows(factor.means().rowRange(whole, 1), static_cast<double>(last % run), sum);
        return;
    }
    for (Index i = first; i < last; i += kRowsAtOnce)
        addRows(factor.read(i, std::min(kRowsAtOnce, last - i), scratch), 1.0, sum);
}

} // namespace

Tensor meanRows(const FactorRows& factor, Index first, Index rows, int level)
{
    const bool byMeans = level >= FactorRows::kMeanLevel && factor.means().data != nullptr;
    Tensor means(1, 1, rows, factor.rank());
    Tensor scratch;
    std::vector<double> sum(static_cast<std::size_t>(factor.rank()));
    for (Index r = 0; r < rows; ++r) {
        const Index from = (first + r) << level;
        const Index to = std::min(factor.count(), (first + r + 1) << level);
        std::fill(sum.begin(), sum.end(), 0.0);
        addRange(factor, from, to, byMeans, scratch, sum);
        std::transform(sum.begin(), sum.end(), means.matrix().row(r),
                       [n = static_cast<double>(to - from)](double x) { return static_cast<float>(x / n); });
    }
    return means;
}

} // namespace attnscope
