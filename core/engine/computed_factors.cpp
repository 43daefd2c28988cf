// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/computed_factors.h"

#include "core/base/parallel.h"
#include "core/engine/kernel_engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <utility>

namespace attnscope {

namespace {

constexpr double kMaxLift = 30.0; // exp of it times a product of features stays well inside float32
constexpr Index kRun = Index{1} << FactorRows::kMeanLevel;

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
        const bool done = parallelFor(m_means.rows(), 2, context, [&](Index first, Index last) {
            Tensor scratch(1, 1, kRun, rank());
            for (Index run = first; run < last; ++run) {
                const Index from = run * kRun;
                const auto rows = scratch.matrix().rowRange(0, std::min(kRun, count() - from));
                if (!fill(from, m_x.rowRange(from, rows.rows), rows))
                    fits = false;
                average(rows, m_means.matrix().rowSpan(run));
            }
        });
        return done && fits;
    }

protected:
    /// The rows that stand at `first`, from their part of q or k; false where one doesn't fit.
    virtual bool fill(Index first, MatrixView<const float> x, MatrixView<float> out) const = 0;

    FeatureRows features(FeatureBuffer& buffer, Side side, Index first, MatrixView<const float> x) const
    {
        return buffer.compute(*m_map, side, first, x);
    }
    const FeatureMap& map() const { return *m_map; }

private:
    static void average(MatrixView<const float> rows, std::span<float> mean)
    {
        std::vector<double> sum(mean.size(), 0.0);
        for (Index i = 0; i < rows.rows; ++i)
            for (std::size_t c = 0; c < sum.size(); ++c)
                sum[c] += static_cast<double>(rows(i, static_cast<Index>(c)));
        std::transform(sum.begin(), sum.end(), mean.begin(),
                       [n = static_cast<double>(rows.rows)](double x) { return static_cast<float>(x / n); });
    }

    std::shared_ptr<const void> m_owner;
    MatrixView<const float> m_x;
    std::shared_ptr<const FeatureMap> m_map;
    Tensor m_means;
};

using Shift = std::shared_ptr<const std::vector<float>>;

class KeyFactor final : public ComputedRows {
public:
    KeyFactor(const Inputs& one, std::shared_ptr<const FeatureMap> map, Shift shift)
        : ComputedRows(one.owner, one.k.matrix({}), std::move(map)), m_shift(std::move(shift))
    {
    }

private:
    bool fill(Index first, MatrixView<const float> x, MatrixView<float> out) const override
    {
        FeatureBuffer buffer(x.rows, map());
        scaleKeys(features(buffer, Side::Key, first, x), *m_shift, out);
        return true;
    }

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

/// What covers all keys; null when stopped.
Shift shiftOf(MatrixView<const float> k, const FeatureMap& map, const RunContext& context)
{
    const std::vector<float> none(static_cast<std::size_t>(map.features()), -1e30F);
    auto shift = std::make_shared<std::vector<float>>(none);
    std::mutex mutex;
    const bool done = parallelFor(k.rows, kKernelChunk, context, [&](Index first, Index last) {
        FeatureBuffer buffer(last - first, map);
        std::vector<float> some = none;
        raiseShift(buffer.compute(map, Side::Key, first, k.rowRange(first, last - first)), some);
        const std::lock_guard lock(mutex);
        std::transform(some.begin(), some.end(), shift->begin(), shift->begin(), [](float a, float b) { return std::max(a, b); });
    });
    return done ? shift : nullptr;
}

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
    const Shift shift = shiftOf(one.k.matrix({}), *map, context);
    if (!shift)
        return std::nullopt;
    auto left = std::make_unique<QueryFactor>(one, map, shift, denominators);
    auto right = std::make_unique<KeyFactor>(one, map, shift);
    if (!left->computeMeans(context) || !right->computeMeans(context))
        return std::nullopt;
    return ComputedFactors{std::move(left), std::move(right)};
}

} // namespace attnscope
