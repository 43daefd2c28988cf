// SPDX-License-Identifier: GPL-3.0-or-later
// Whole maps in memory and float64 truths to compare them with.
#pragma once

#include "core/method/registry.h"
#include "core/scores/score_source.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope::tests {

/// A small float64 matrix.
struct Matrix64 {
    Index rows = 0;
    Index cols = 0;
    std::vector<double> values;

    Matrix64(Index r, Index c) : rows(r), cols(c), values(static_cast<std::size_t>(r * c), 0.0) {}
    double& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * cols + j)]; }
    double operator()(Index i, Index j) const { return values[static_cast<std::size_t>(i * cols + j)]; }
};

/// The whole map at a level; empty where the read failed.
inline Tensor readWhole(const ScoreSource& source, int level = 0, Pool pool = Pool::Mean)
{
    const Block block{0, 0, pooledSize(source.rows(), level), pooledSize(source.cols(), level), level};
    Tensor map(1, 1, block.rows, block.cols);
    std::fill(map.values().begin(), map.values().end(), std::nanf(""));
    return source.read(block, pool, map.matrix(), {}) ? std::move(map) : Tensor();
}

/// The exact map in float64.
inline Matrix64 exactMap(const Inputs& in, HeadRef head)
{
    Matrix64 map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i)
        softmaxRow(in, head, i, {map.values.data() + i * map.cols, static_cast<std::size_t>(map.cols)});
    return map;
}

/// max |map - truth|; infinity where sizes differ or anything is NaN.
inline double maxDifference(const Tensor& map, const Matrix64& truth)
{
    if (map.rows() != truth.rows || map.cols() != truth.cols)
        return INFINITY;
    double worst = 0.0;
    for (Index i = 0; i < truth.rows; ++i)
        for (Index j = 0; j < truth.cols; ++j) {
            const double d = std::fabs(map.matrix()(i, j) - truth(i, j));
            worst = d <= worst ? worst : std::isnan(d) ? INFINITY : d;
        }
    return worst;
}

/// The same for equal tensors.
inline double maxDifference(const Tensor& a, const Tensor& b)
{
    if (a.shape() != b.shape())
        return INFINITY;
    double worst = 0.0;
    for (std::size_t i = 0; i < a.values().size(); ++i) {
        const double d = std::fabs(static_cast<double>(a.values()[i]) - static_cast<double>(b.values()[i]));
        worst = d <= worst ? worst : std::isnan(d) ? INFINITY : d;
    }
    return worst;
}

inline double frobenius(const Matrix64& m)
{
    double sum = 0.0;
    for (const double x : m.values)
        sum += x * x;
    return std::sqrt(sum);
}

/// |map - truth|_F.
inline double frobeniusDifference(const Tensor& map, const Matrix64& truth)
{
    double sum = 0.0;
    for (Index i = 0; i < truth.rows; ++i)
        for (Index j = 0; j < truth.cols; ++j)
            sum += (map.matrix()(i, j) - truth(i, j)) * (map.matrix()(i, j) - truth(i, j));
    return std::sqrt(sum);
}

/// Mean over rows of 1/2 sum_j |truth - map|.
inline double totalVariation(const Tensor& map, const Matrix64& truth)
{
    double sum = 0.0;
    for (Index i = 0; i < truth.rows; ++i)
        for (Index j = 0; j < truth.cols; ++j)
            sum += 0.5 * std::fabs(truth(i, j) - map.matrix()(i, j));
    return sum / static_cast<double>(truth.rows);
}

/// Mean over rows of the exact weight on cells where the map is 0.
inline double lostMass(const Tensor& map, const Matrix64& truth)
{
    double sum = 0.0;
    for (Index i = 0; i < truth.rows; ++i)
        for (Index j = 0; j < truth.cols; ++j)
            sum += map.matrix()(i, j) == 0.0F ? truth(i, j) : 0.0;
    return sum / static_cast<double>(truth.rows);
}

/// Parameters of a method by name, the others at their defaults.
inline Params paramsOf(const char* id, const std::vector<ParamText>& given = {}, std::uint64_t seed = 0)
{
    auto made = makeParams(findMethod(id)->info().params, given, seed);
    return made ? *std::move(made) : Params{};
}

/// A method's map of one head; empty where it failed.
inline Tensor mapOf(const char* id, const Inputs& in, const std::vector<ParamText>& given = {}, HeadRef head = {}, std::uint64_t seed = 0)
{
    const auto source = findMethod(id)->scores(in, head, paramsOf(id, given, seed), {});
    return source ? readWhole(**source) : Tensor();
}

} // namespace attnscope::tests
