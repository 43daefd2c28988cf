// SPDX-License-Identifier: GPL-3.0-or-later
// Whole maps and outputs for tests: read from a source, multiplied, compared.
#pragma once

#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

namespace attnscope::tests {

/// All cells of a source; empty where it can't be read.
inline Tensor readMap(const ScoreSource& source)
{
    Tensor map(1, 1, source.rows(), source.cols());
    if (!source.read({0, 0, source.rows(), source.cols(), 0}, Pool::Mean, map.matrix(), {}))
        return {};
    return map;
}

/// The implied map of one head; empty where the method refuses.
inline Tensor mapOf(const AttentionMethod& method, const Inputs& in, HeadRef head, const Params& params)
{
    const auto source = method.scores(in, head, params, {});
    return source ? readMap(**source) : Tensor();
}

/// max |a - b| / max |b|; infinity where sizes differ or something is not a number.
inline double relativeGap(MatrixView<const float> a, MatrixView<const float> b)
{
    if (a.rows != b.rows || a.cols != b.cols || a.rows == 0)
        return std::numeric_limits<double>::infinity();
    double gap = 0.0;
    double size = 0.0;
    for (Index i = 0; i < a.rows; ++i)
        for (Index j = 0; j < a.cols; ++j) {
            if (!std::isfinite(a(i, j)))
                return std::numeric_limits<double>::infinity();
            gap = std::max(gap, std::abs(static_cast<double>(a(i, j)) - b(i, j)));
            size = std::max(size, std::abs(static_cast<double>(b(i, j))));
        }
    return size > 0.0 ? gap / size : gap;
}

/// map V in float64, rounded.
inline Tensor timesValues(MatrixView<const float> map, MatrixView<const float> v)
{
    Tensor out(1, 1, map.rows, v.cols);
    for (Index i = 0; i < map.rows; ++i)
        for (Index c = 0; c < v.cols; ++c) {
            double sum = 0.0;
            for (Index j = 0; j < map.cols; ++j)
                sum += static_cast<double>(map(i, j)) * v(j, c);
            out.matrix()(i, c) = static_cast<float>(sum);
        }
    return out;
}

/// |a - b|_F / |b|_F.
inline double relativeFrobenius(MatrixView<const float> a, MatrixView<const float> b)
{
    double gap = 0.0;
    double size = 0.0;
    for (Index i = 0; i < a.rows; ++i)
        for (Index j = 0; j < a.cols; ++j) {
            gap += std::pow(static_cast<double>(a(i, j)) - b(i, j), 2);
            size += std::pow(static_cast<double>(b(i, j)), 2);
        }
    return std::sqrt(gap / size);
}

/// The largest |row sum - 1|.
inline double rowSumGap(MatrixView<const float> map)
{
    double gap = 0.0;
    for (Index i = 0; i < map.rows; ++i) {
        double sum = 0.0;
        for (Index j = 0; j < map.cols; ++j)
            sum += map(i, j);
        gap = std::isfinite(sum) ? std::max(gap, std::abs(sum - 1.0)) : std::numeric_limits<double>::infinity();
    }
    return gap;
}

inline float smallest(MatrixView<const float> map)
{
    float least = std::numeric_limits<float>::infinity();
    for (Index i = 0; i < map.rows; ++i)
        least = std::min(least, *std::min_element(map.row(i), map.row(i) + map.cols));
    return least;
}

} // namespace attnscope::tests
