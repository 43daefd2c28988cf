// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/recall_capacity.h"

#include "core/base/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attnscope {

namespace {

constexpr double kLeastNoise = 1e-6; // of orthogonal keys: the curve ends at a ratio of 1000 instead of infinity

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// m keys, evenly spread over those of the input and made unit long; rows of zeros stay.
Tensor unitKeys(MatrixView<const float> k, Index m)
{
    Tensor keys(1, 1, m, k.cols);
    for (Index j = 0; j < m; ++j) {
        const auto row = k.rowSpan(j * k.rows / m);
        double square = 0.0;
        for (const float x : row)
            square += static_cast<double>(x) * static_cast<double>(x);
        const double factor = square > 0.0 ? 1.0 / std::sqrt(square) : 0.0;
        std::transform(row.begin(), row.end(), keys.matrix().row(j), [&](float x) { return static_cast<float>(factor * x); });
    }
    return keys;
}

/// Signal over noise in the rows of the map that ask, at the places m ... 2 m - 1: from the mean share of a row's squares that the
/// right key has.
Result<double> measureRatio(const AttentionMethod& method, const Tensor& keys, Index valueDim, const Params& params,
                            const RunContext& context)
{
    const Index m = keys.rows();
    std::vector<Index> order(at(m));
    std::iota(order.begin(), order.end(), Index{0});
    Random random(17, static_cast<std::uint64_t>(m));
    for (Index j = m - 1; j > 0; --j)
        std::swap(order[at(j)], order[at(static_cast<Index>(random.next() % static_cast<std::uint64_t>(j + 1)))]);
    Tensor q(1, 1, m, keys.cols());
    Tensor k(1, 1, 2 * m, keys.cols());
    Tensor v(1, 1, 2 * m, valueDim);
    std::fill(k.values().begin(), k.values().end(), 0.0F);
    std::fill(v.values().begin(), v.values().end(), 0.0F);
    for (Index j = 0; j < m; ++j) {
        std::copy_n(keys.matrix().row(j), keys.cols(), k.matrix().row(j));
        std::copy_n(keys.matrix().row(order[at(j)]), keys.cols(), q.matrix().row(j));
    }
    const Inputs probe{q.view(), k.view(), v.view(), true, 0.0F, nullptr};
    const auto map = method.scores(probe, {}, params, context);
    if (!map)
        return map.error();
    Tensor cells(1, 1, m, m);
    if (auto read = (*map)->read({0, 0, m, m, 0}, Pool::Mean, cells.matrix(), context); !read)
        return read.error();
    double share = 0.0;
    for (Index i = 0; i < m; ++i) {
        double all = 0.0;
        for (const float x : cells.matrix().rowSpan(i))
            all += static_cast<double>(x) * static_cast<double>(x);
        const double right = std::pow(static_cast<double>(cells.matrix()(i, order[at(i)])), 2);
        share += all > 0.0 ? right / all / static_cast<double>(m) : 0.0;
    }
    return std::sqrt(share / std::max(1.0 - share, kLeastNoise));
}

} // namespace

Result<TheoryCurve> recallCapacityCurve(const AttentionMethod& method, const Inputs& in, HeadRef head, const Params& params,
                                        const RunContext& context)
{
    const auto k = in.kOf(head);
    TheoryCurve curve{.title = "Capacity",
                      .source =
                          "linear attention's signal-to-noise ratio on associative recall, sqrt(d / (m − 1)); the task of Arora et al. "
                          "2023, arXiv:2312.04927",
                      .quantity = "weight of the right key over that of all others together",
                      .axis = "pairs held at once",
                      .kind = TheoryKind::Prediction};
    const Index most = std::min(k.rows, 4 * k.cols);
    for (Index m = std::max<Index>(2, k.cols / 4); m <= most; m *= 2) {
        const auto ratio = measureRatio(method, unitKeys(k, m), in.v.cols(), params, context);
        if (!ratio)
            return ratio.error();
        curve.x.push_back(static_cast<double>(m));
        curve.predicted.push_back(std::sqrt(static_cast<double>(k.cols) / static_cast<double>(m - 1)));
        curve.measured.push_back(*ratio);
    }
    curve.caption = curve.x.empty()
                        ? "There are too few keys to ask how many pairs the state can hold."
                        : "Predicted for linear attention and random directions, measured with this input's own keys, made unit long: keys "
                          "that resemble each other, and decay while others are asked for, lower it; below 1 the others outweigh the right "
                          "one. Softmax has no such limit.";
    return curve;
}

} // namespace attnscope
