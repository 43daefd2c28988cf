// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/spherical_clusters.h"

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/compute/dense.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attnscope {

namespace {

void normalise(std::span<float> x)
{
    const double square = std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
    scaleRow(x, static_cast<float>(1.0 / std::max(std::sqrt(square), 1e-12)));
}

/// The rows of q, then those of k, each of unit length.
Tensor unitRows(MatrixView<const float> q, MatrixView<const float> k)
{
    Tensor rows(1, 1, q.rows + k.rows, q.cols);
    for (Index i = 0; i < rows.rows(); ++i) {
        std::copy_n(i < q.rows ? q.row(i) : k.row(i - q.rows), q.cols, rows.matrix().row(i));
        normalise(rows.matrix().rowSpan(i));
    }
    return rows;
}

/// Different rows, drawn.
Tensor drawCentres(const Tensor& rows, Index clusters, std::uint64_t seed)
{
    std::vector<Index> order(static_cast<std::size_t>(rows.rows()));
    std::iota(order.begin(), order.end(), Index{0});
    Random random(seed, 7);
    Tensor centres(1, 1, clusters, rows.cols());
    for (std::size_t c = 0; c < static_cast<std::size_t>(clusters); ++c) {
        std::swap(order[c], order[c + static_cast<std::size_t>(random.uniform() * static_cast<double>(order.size() - c))]);
        std::copy_n(rows.matrix().row(order[c]), rows.cols(), centres.matrix().row(static_cast<Index>(c)));
    }
    return centres;
}

/// One step: each centre becomes the direction of the sum of the rows nearest to it.
bool moveCentres(const Tensor& rows, Tensor& centres, const RunContext& context)
{
    constexpr Index kRows = 64;
    std::vector<Index> nearest(static_cast<std::size_t>(rows.rows()));
    const bool done = parallelFor(rows.rows(), kRows, context, [&](Index first, Index last) {
        Tensor cosines(1, 1, last - first, centres.rows());
        gemmNT(rows.matrix().rowRange(first, last - first), std::as_const(centres).matrix(), cosines.matrix());
        for (Index i = first; i < last; ++i) {
            const auto row = cosines.matrix().rowSpan(i - first);
            nearest[static_cast<std::size_t>(i)] = std::max_element(row.begin(), row.end()) - row.begin();
        }
    });
    if (!done)
        return false;
    Tensor sums(1, 1, centres.rows(), centres.cols());
    std::fill(sums.values().begin(), sums.values().end(), 0.0F);
    for (Index i = 0; i < rows.rows(); ++i)
        addScaledRow(sums.matrix().rowSpan(nearest[static_cast<std::size_t>(i)]), 1.0F, rows.matrix().rowSpan(i));
    for (Index c = 0; c < centres.rows(); ++c) {
        const auto sum = sums.matrix().rowSpan(c);
        if (std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0) == 0.0)
            continue;
        normalise(sum);
        std::copy(sum.begin(), sum.end(), centres.matrix().row(c));
    }
    return true;
}

/// For each centre its `count` nearest rows of x, ascending.
std::vector<std::vector<std::int32_t>> nearestRows(MatrixView<const float> x, MatrixView<const float> centres, Index count,
                                                   const RunContext& context)
{
    Tensor unit = unitRows(x, x.rowRange(0, 0));
    Tensor cosines(1, 1, centres.rows, x.rows);
    std::vector<std::vector<std::int32_t>> chosen(static_cast<std::size_t>(centres.rows));
    if (!parallelGemmNT(centres, std::as_const(unit).matrix(), cosines.matrix(), 1.0F, context))
        return chosen;
    parallelFor(centres.rows, 1, context, [&](Index c, Index) {
        auto& rows = chosen[static_cast<std::size_t>(c)];
        const float* const row = cosines.matrix().row(c);
        rows.resize(static_cast<std::size_t>(x.rows));
        std::iota(rows.begin(), rows.end(), 0);
        const auto kept = rows.begin() + std::min(count, x.rows);
        std::nth_element(rows.begin(), kept - 1, rows.end(), [row](auto a, auto b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
        rows.erase(kept, rows.end());
        std::sort(rows.begin(), rows.end());
    });
    return chosen;
}

} // namespace

Tensor sphericalCentres(MatrixView<const float> q, MatrixView<const float> k, Index clusters, Index iterations, std::uint64_t seed,
                        const RunContext& context)
{
    const Tensor rows = unitRows(q, k);
    Tensor centres = drawCentres(rows, clusters, seed);
    for (Index step = 0; step < iterations && moveCentres(rows, centres, context); ++step) {
    }
    return centres;
}

std::vector<AttentionGroup> routedGroups(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> centres,
                                         Index queries, Index keys, const RunContext& context)
{
    auto ofQueries = nearestRows(q, centres, queries, context);
    auto ofKeys = nearestRows(k, centres, keys, context);
    std::vector<AttentionGroup> groups;
    for (std::size_t c = 0; c < ofQueries.size() && !context.cancelled(); ++c)
        groups.push_back({std::move(ofQueries[c]), std::move(ofKeys[c])});
    return groups;
}

} // namespace attnscope
