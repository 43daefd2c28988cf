// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/computed_factors.h"

#include "core/base/parallel.h"
#include "core/compute/feature_ops.h"
#include "core/compute/mixer_ops.h"
#include "core/engine/kernel_engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

namespace attnscope {

namespace {

constexpr double kMaxLift = 30.0; // exp of it times a product of features stays well inside float32
constexpr Index kRun = Index{1} << FactorRows::kMeanLevel;
constexpr Index kRunsAtOnce = 16;

class ComputedRows : public FactorRows {
public:
    ComputedRows(std::shared_ptr<const void> owner, MatrixView<const float> x, std::shared_ptr<const FeatureMap> map)
        : m_owner(std::move(owner)), m_x(x), m_map(std::move(map))
    {
    }

    Index count() const override { return m_x.rows; }
    Index rank() const override { return m_map->features(); }
    MatrixView<const float> means() const override { return m_means.matrix(); }
    MatrixView<const float> read(Index first, Index rows, Tensor& scratch) const override
    {
        if (scratch.rows() < rows || scratch.cols() != rank())
            scratch = Tensor(1, 1, rows, rank());
        const auto out = scratch.matrix().rowRange(0, rows);
        fill(first, m_x.rowRange(first, rows), out);
        return out;
    }

    /// False when stopped, or where a row doesn't fit.
    bool computeMeans(const RunContext& context)
    {
        m_means = Tensor(1, 1, (count() + kRun - 1) / kRun, rank());
        std::atomic<bool> fits{true};
        const bool done = parallelFor(m_means.rows(), kRunsAtOnce, context, [&](Index first, Index last) {
            Tensor scratch(1, 1, kRun, rank());
            std::vector<double> sum(static_cast<std::size_t>(rank()));
            for (Index run = first; run < last; ++run) {
                const Index from = run * kRun;
                const auto rows = scratch.matrix().rowRange(0, std::min(kRun, count() - from));
                if (!fillRun(from, m_x.rowRange(from, rows.rows), rows))
                    fits = false;
                average(rows, sum, m_means.matrix().rowSpan(run));
            }
        });
        return done && fits;
    }

protected:
    /// The rows that stand at `first`, from their part of q or k; false where one doesn't fit.
    virtual bool fill(Index first, MatrixView<const float> x, MatrixView<float> out) const = 0;

    /// The same for the mean of a run; a factor of its own is allowed, if it is taken out of the means later.
    virtual bool fillRun(Index first, MatrixView<const float> x, MatrixView<float> out) { return fill(first, x, out); }

    FeatureRows features(FeatureBuffer& buffer, Side side, Index first, MatrixView<const float> x) const
    {
        return buffer.compute(*m_map, side, first, x);
    }
    const FeatureMap& map() const { return *m_map; }
    MatrixView<float> writableMeans() { return m_means.matrix(); }

private:
    static void average(MatrixView<const float> rows, std::span<double> sum, std::span<float> mean)
    {
        std::fill(sum.begin(), sum.end(), 0.0);
        for (Index i = 0; i < rows.rows; ++i)
            rescaleAndAdd(sum, 1.0, rows.rowSpan(i));
        std::transform(sum.begin(), sum.end(), mean.begin(),
                       [n = static_cast<double>(rows.rows)](double x) { return static_cast<float>(x / n); });
    }

    std::shared_ptr<const void> m_owner;
    MatrixView<const float> m_x;
    std::shared_ptr<const FeatureMap> m_map;
    Tensor m_means;
};

using Shift = std::shared_ptr<const std::vector<float>>;

/// Relative to what covers all keys, which one pass finds together with the means: each run is scaled by what covers it alone first.
class KeyFactor final : public ComputedRows {
public:
    KeyFactor(const Inputs& one, std::shared_ptr<const FeatureMap> map) : ComputedRows(one.owner, one.k.matrix({}), std::move(map)) {}

    /// False when stopped. To be called before anything is read.
    bool prepare(const RunContext& context)
    {
        const Index runs = (count() + kRun - 1) / kRun;
        m_tops = Tensor(1, 1, runs, rank());
        if (!computeMeans(context))
            return false;
        std::vector<float> shift(static_cast<std::size_t>(rank()), kNoKey);
        columnMax(m_tops.matrix(), shift);
        const bool done = parallelFor(runs, kRunsAtOnce, context, [&](Index first, Index last) {
            const auto tops = m_tops.matrix().rowRange(first, last - first);
            for (Index run = 0; run < tops.rows; ++run)
                expMinus(tops.rowSpan(run), shift, tops.rowSpan(run));
            const auto scaled = writableMeans().rowRange(first, last - first);
            multiplyInto(scaled, tops, scaled);
        });
        m_tops = {};
        m_shift = std::make_shared<const std::vector<float>>(std::move(shift));
        return done;
    }
    const Shift& shift() const { return m_shift; }

private:
    static constexpr float kNoKey = -1e30F;

    bool fill(Index first, MatrixView<const float> x, MatrixView<float> out) const override
    {
        FeatureBuffer buffer(x.rows, map());
        scaleKeys(features(buffer, Side::Key, first, x), *m_shift, out);
        return true;
    }
    bool fillRun(Index first, MatrixView<const float> x, MatrixView<float> out) override
    {
        FeatureBuffer buffer(x.rows, map());
        const FeatureRows rows = features(buffer, Side::Key, first, x);
        const auto top = m_tops.matrix().rowSpan(first / kRun);
        std::fill(top.begin(), top.end(), kNoKey);
        raiseShift(rows, top);
        scaleKeys(rows, top, out);
        return true;
    }

    Tensor m_tops; ///< [runs, rank], what covers a run alone; empty after prepare()
    Shift m_shift;
};

class QueryFactor final : public ComputedRows {
public:
    QueryFactor(const Inputs& one, std::shared_ptr<const FeatureMap> map, Shift shift, std::shared_ptr<const Denominators> denominators)
        : ComputedRows(one.owner, one.q.matrix({}), std::move(map)), m_shift(std::move(shift)), m_denominators(std::move(denominators))
    {
    }

private:
    bool fill(Index first, MatrixView<const float> x, MatrixView<float> out) const override
    {
        FeatureBuffer buffer(x.rows, map());
        std::vector<float> logScale(static_cast<std::size_t>(x.rows));
        scaleQueries(features(buffer, Side::Query, first, x), *m_shift, out, logScale);
        return divideRows(first, logScale, *m_denominators, out);
    }

    Shift m_shift;
    std::shared_ptr<const Denominators> m_denominators;
};

} // namespace

bool divideRows(Index first, std::span<const float> logScale, const Denominators& denominators, MatrixView<float> rows)
{
    bool fits = true;
    for (Index i = 0; i < rows.rows; ++i) {
        const auto at = static_cast<std::size_t>(first + i);
        const double lift = static_cast<double>(logScale[static_cast<std::size_t>(i)]) - denominators.logScale[at];
        const double divisor = denominators.values[at];
        fits = fits && lift - std::log(std::max(std::abs(divisor), 1e-300)) <= kMaxLift;
        const double factor = std::exp(std::min(lift, kMaxLift)) / divisor;
        for (float& x : rows.rowSpan(i))
            x = static_cast<float>(x * factor);
    }
    return fits;
}

std::optional<ComputedFactors> computedFactors(const Inputs& one, const std::shared_ptr<const FeatureMap>& map,
                                               const std::shared_ptr<const Denominators>& denominators, const RunContext& context)
{
    auto right = std::make_unique<KeyFactor>(one, map);
    if (!right->prepare(context))
        return std::nullopt;
    auto left = std::make_unique<QueryFactor>(one, map, right->shift(), denominators);
    if (!left->computeMeans(context))
        return std::nullopt;
    return ComputedFactors{std::move(left), std::move(right)};
}

} // namespace attnscope
