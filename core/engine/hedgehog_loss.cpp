// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/hedgehog_loss.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace attnscope {

namespace {

constexpr float kLeastWeight = 1e-12F; // added to weights before their logarithm
constexpr Index kRowBlock = 16;
constexpr Index kKeyBlock = 256;

/// aᵀ b of tall matrices, in float64 over blocks of rows, so that threads don't show.
Tensor tallProduct(MatrixView<const float> a, MatrixView<const float> b, const RunContext& context)
{
    const Index blocks = (a.rows + kKeyBlock - 1) / kKeyBlock;
    std::vector<Tensor> parts(static_cast<std::size_t>(blocks));
    parallelFor(blocks, 1, context, [&](Index at, Index) {
        const Index first = at * kKeyBlock;
        const Index rows = std::min(kKeyBlock, a.rows - first);
        Tensor part(1, 1, a.cols, b.cols);
        gemmTN(a.rowRange(first, rows), b.rowRange(first, rows), part.matrix());
        parts[static_cast<std::size_t>(at)] = std::move(part);
    });
    std::vector<double> sum(static_cast<std::size_t>(a.cols * b.cols), 0.0);
    for (const Tensor& part : parts)
        if (!part.empty())
            rescaleAndAdd(sum, 1.0, part.values());
    Tensor out(1, 1, a.cols, b.cols);
    std::transform(sum.begin(), sum.end(), out.data(), [](double x) { return static_cast<float>(x); });
    return out;
}

} // namespace

HedgehogLoss::HedgehogLoss(const Inputs& in, HeadRef head, const HedgehogObjective& objective, std::vector<Index> rows,
                           const RunContext& context)
    : m_inputs(in),
      m_head(head),
      m_objective(objective),
      m_rows(std::move(rows)),
      m_queries(1, 1, static_cast<Index>(m_rows.size()), in.q.cols()),
      m_exact(1, 1, static_cast<Index>(m_rows.size()), in.k.rows())
{
    const auto v = in.vOf(head);
    if (objective.mse > 0.0)
        m_outputs = Tensor(1, 1, m_queries.rows(), v.cols);
    m_ready = parallelFor(m_queries.rows(), kRowBlock, context, [&](Index first, Index last) {
        for (Index r = first; r < last; ++r)
            std::copy_n(in.qOf(head).row(m_rows[static_cast<std::size_t>(r)]), in.q.cols(), m_queries.matrix().row(r));
        const auto exact = m_exact.matrix().rowRange(first, last - first);
        gemmNT(m_queries.matrix().rowRange(first, last - first), in.kOf(head), exact, in.effectiveScale());
        for (Index r = first; r < last; ++r)
            softmaxRows(exact.rowRange(r - first, 1), visible(r));
        if (objective.mse > 0.0)
            gemmNN(exact, v, m_outputs.matrix().rowRange(first, last - first));
    });
}

double HedgehogLoss::entropy() const
{
    double sum = 0.0;
    for (const float a : m_exact.values())
        sum -= a > 0.0F ? static_cast<double>(a) * std::log(static_cast<double>(a)) : 0.0;
    return sum / static_cast<double>(m_rows.size());
}

std::optional<HedgehogLoss::Side> HedgehogLoss::featuresOf(MatrixView<const float> x, const Tensor& w, bool areKeys,
                                                           const RunContext& context) const
{
    Side side{Tensor(1, 1, x.rows, w.cols()), Tensor(1, 1, x.rows, 2 * w.cols())};
    const bool done = parallelFor(x.rows, kKeyBlock, context, [&](Index first, Index last) {
        gemmNN(x.rowRange(first, last - first), w.matrix(), side.z.matrix().rowRange(first, last - first));
        for (Index i = first; i < last; ++i)
            hedgehogLogs(m_objective.kind, std::as_const(side.z).matrix().rowSpan(i), side.phi.matrix().rowSpan(i));
    });
    if (!done)
        return std::nullopt;
    const bool shifted = m_objective.kind == HedgehogKind::Unshifted;
    const float top = shifted && areKeys ? *std::max_element(side.phi.values().begin(), side.phi.values().end()) : 0.0F;
    parallelFor(x.rows, kKeyBlock, context, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const auto row = side.phi.matrix().rowSpan(i);
            expRow(row, shifted && !areKeys ? rowMax(row) : top);
        }
    });
    return side;
}

/// cells: S_i = phi(q_i) phi(K)ᵀ becomes the gradient by S_i.
void HedgehogLoss::differentiate(Index row, std::span<float> cells, MatrixView<const float> v, std::vector<Value>& values) const
{
    const auto seen = static_cast<std::size_t>(visible(row));
    std::fill(cells.begin() + static_cast<Index>(seen), cells.end(), 0.0F);
    const auto weights = cells.first(seen);
    const double total = std::max(rowSum(weights), 1e-30);
    scaleRow(weights, static_cast<float>(1.0 / total));
    std::vector<float> logs(weights.begin(), weights.end());
    logReluPlus(logs, kLeastWeight);
    const float* const exact = m_exact.matrix().row(row);
    std::vector<float> by(seen);
    const auto share = static_cast<float>(m_objective.xent / static_cast<double>(m_rows.size()));
    double xent = 0.0;
    for (std::size_t j = 0; j < seen; ++j) {
        xent -= static_cast<double>(exact[j] * logs[j]);
        by[j] = -share * exact[j] / (weights[j] + kLeastWeight);
    }
    values[static_cast<std::size_t>(row)].xent = xent;
    if (m_objective.mse > 0.0) {
        Tensor gap(1, 1, 1, v.cols);
        gemmNN(MatrixView<const float>{weights.data(), 1, static_cast<Index>(seen), static_cast<Index>(seen)},
               v.rowRange(0, static_cast<Index>(seen)), gap.matrix());
        double square = 0.0;
        const auto factor =
            static_cast<float>(2.0 * m_objective.mse / static_cast<double>(m_rows.size() * static_cast<std::size_t>(v.cols)));
        for (Index c = 0; c < v.cols; ++c) {
            const float difference = gap.data()[c] - m_outputs.matrix()(row, c);
            square += static_cast<double>(difference) * difference;
            gap.data()[c] = factor * difference;
        }
        values[static_cast<std::size_t>(row)].mse = square / static_cast<double>(v.cols);
        gemmNT(std::as_const(gap).matrix(), v.rowRange(0, static_cast<Index>(seen)),
               MatrixView<float>{by.data(), 1, static_cast<Index>(seen), static_cast<Index>(seen)}, 1.0F, Into::Add);
    }
    double mean = 0.0;
    for (std::size_t j = 0; j < seen; ++j)
        mean += static_cast<double>(by[j] * weights[j]);
    for (std::size_t j = 0; j < seen; ++j)
        cells[j] = static_cast<float>((static_cast<double>(by[j]) - mean) / total);
}

Tensor HedgehogLoss::byWeights(MatrixView<const float> x, const Side& side, const Tensor& byPhi, const RunContext& context) const
{
    Tensor byZ(1, 1, x.rows, side.z.cols());
    parallelFor(x.rows, kKeyBlock, context, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            hedgehogBackward(m_objective.kind, side.z.matrix().rowSpan(i), side.phi.matrix().rowSpan(i), byPhi.matrix().rowSpan(i),
                             byZ.matrix().rowSpan(i));
    });
    return tallProduct(x, std::as_const(byZ).matrix(), context);
}

std::optional<HedgehogLoss::Value> HedgehogLoss::evaluate(const Tensor& wq, const Tensor& wk, Gradient* gradient,
                                                          const RunContext& context) const
{
    const auto k = m_inputs.kOf(m_head);
    const auto queries = featuresOf(m_queries.matrix(), wq, false, context);
    const auto keys = featuresOf(k, wk, true, context);
    if (!queries || !keys)
        return std::nullopt;
    Tensor cells(1, 1, m_queries.rows(), k.rows);
    Tensor byQueries(1, 1, queries->phi.rows(), queries->phi.cols());
    std::vector<Value> values(m_rows.size());
    bool done = parallelFor(m_queries.rows(), kRowBlock, context, [&](Index first, Index last) {
        const auto block = cells.matrix().rowRange(first, last - first);
        gemmNT(queries->phi.matrix().rowRange(first, last - first), keys->phi.matrix(), block);
        for (Index r = first; r < last; ++r)
            differentiate(r, cells.matrix().rowSpan(r), m_inputs.vOf(m_head), values);
        if (gradient)
            gemmNN(block, keys->phi.matrix(), byQueries.matrix().rowRange(first, last - first));
    });
    if (gradient && done) {
        Tensor byKeys(1, 1, keys->phi.rows(), keys->phi.cols());
        done = parallelFor(k.rows, kKeyBlock, context, [&](Index first, Index last) {
            const MatrixView<const float> part{cells.data() + first, cells.rows(), last - first, cells.cols()};
            gemmTN(part, queries->phi.matrix(), byKeys.matrix().rowRange(first, last - first));
        });
        gradient->q = byWeights(m_queries.matrix(), *queries, byQueries, context);
        gradient->k = byWeights(k, *keys, byKeys, context);
    }
    if (!done || context.cancelled())
        return std::nullopt;
    Value mean;
    for (const Value& value : values) {
        mean.xent += value.xent / static_cast<double>(values.size());
        mean.mse += value.mse / static_cast<double>(values.size());
    }
    return mean;
}

} // namespace attnscope
