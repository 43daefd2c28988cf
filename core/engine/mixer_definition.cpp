// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_definition.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace attnscope {

namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

double sizes(const std::vector<double>& a, const std::vector<double>& b)
{
    return std::transform_reduce(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(), [](double x, double y) { return std::abs(x * y); });
}

/// x becomes Aᵀ x.
void stepBack(std::vector<double>& x, const DefinedToken& token)
{
    const double along = token.correct.empty() ? 0.0 : dot(x, token.correct);
    for (std::size_t c = 0; c < x.size(); ++c) {
        if (!token.decay.empty())
            x[c] *= token.decay[c];
        if (!token.erase.empty())
            x[c] += along * token.erase[c];
    }
}

} // namespace

DefinedMap definedMixer(Index queries, const std::vector<DefinedToken>& tokens, const DefinedReads& reads)
{
    const auto count = static_cast<Index>(tokens.size());
    DefinedMap map(queries, count);
    double largestSum = 0.0; // of the sizes of a cell's terms: where it is far above all cells, terms cancel and rounding shows
    double largestCell = 0.0;
    for (Index i = 0; i < queries; ++i) {
        std::vector<double> x = reads.query(i);
        const Index at = i + count - queries;
        for (Index j = at; j >= 0; --j) {
            const DefinedToken& token = tokens[static_cast<std::size_t>(j)];
            map.at(i, j) = dot(x, token.write);
            largestSum = std::max(largestSum, sizes(x, token.write));
            largestCell = std::max(largestCell, std::abs(map.at(i, j)));
            if (j < at || !reads.previous)
                stepBack(x, token);
        }
        if (reads.own)
            map.at(i, at) = reads.own(i);
    }
    if (largestCell > 0.0)
        map.condition = std::max(1.0, largestSum / largestCell);
    return map;
}

std::vector<double> definedRow(std::span<const float> row, double factor)
{
    std::vector<double> made(row.begin(), row.end());
    for (double& x : made)
        x *= factor;
    return made;
}

std::vector<double> definedUnit(std::span<const float> row)
{
    const auto made = definedRow(row);
    const double size = std::sqrt(dot(made, made));
    return definedRow(row, size > 0.0 ? 1.0 / size : 1.0);
}

} // namespace attnscope
