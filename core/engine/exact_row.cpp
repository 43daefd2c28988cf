// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/exact_row.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

/// phi_ir as a sign with magnitude exp(log), relative to the row's scale where the map is not logarithmic.
double logOf(const FeatureRows& rows, Index i, Index r)
{
    return rows.logarithmic ? rows.values(i, r) : rows.logScale[static_cast<std::size_t>(i)];
}

double factorOf(const FeatureRows& rows, Index i, Index r) { return rows.logarithmic ? 1.0 : rows.values(i, r); }

} // namespace

ExactRow exactRow(const FeatureRows& queries, Index row, const KernelState& a, const KernelState& b, const FeatureRows& keys,
                  MatrixView<const float> v, Index visible)
{
    const Index features = queries.values.cols;
    std::vector<double> shift(static_cast<std::size_t>(features));
    ExactRow out{std::vector<double>(static_cast<std::size_t>(v.cols), 0.0), 0.0, -std::numeric_limits<double>::infinity()};
    for (Index r = 0; r < features; ++r) {
        const auto at = static_cast<std::size_t>(r);
        shift[at] = std::max(a.shift()[at], b.shift()[at]);
        for (Index j = 0; j < visible; ++j)
            shift[at] = std::max(shift[at], logOf(keys, j, r));
        out.logScale = std::max(out.logScale, logOf(queries, row, r) + shift[at]);
    }
    std::vector<double> keyWeights(static_cast<std::size_t>(visible), 0.0);
    for (Index r = 0; r < features; ++r) {
        const auto at = static_cast<std::size_t>(r);
        const double query = factorOf(queries, row, r) * std::exp(logOf(queries, row, r) + shift[at] - out.logScale);
        for (const KernelState* state : {&a, &b}) {
            const double factor = query * std::exp(static_cast<double>(state->shift()[at]) - shift[at]);
            out.denominator += factor * state->weights()[at];
            for (std::size_t c = 0; c < out.numerator.size(); ++c)
                out.numerator[c] += factor * state->values(r)[c];
        }
        for (Index j = 0; j < visible; ++j)
            keyWeights[static_cast<std::size_t>(j)] += query * factorOf(keys, j, r) * std::exp(logOf(keys, j, r) - shift[at]);
    }
    for (Index j = 0; j < visible; ++j) {
        const double weight = keyWeights[static_cast<std::size_t>(j)];
        out.denominator += weight;
        for (Index c = 0; c < v.cols; ++c)
            out.numerator[static_cast<std::size_t>(c)] += weight * v(j, c);
    }
    return out;
}

} // namespace attnscope
