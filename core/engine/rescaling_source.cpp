// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/rescaling_source.h"

#include "core/compute/dense.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr Index kBlockKeys = 64;
constexpr Index kBlockQueries = 256;
constexpr double kMaxLift = 60.0; // exp of it times a product of features stays well inside float32

/// Any tile, by blocks: each has a shift of its own, so what underflows is below any denominator of its rows.
class RescalingSource final : public ScoreSource {
public:
    RescalingSource(FeatureTable queries, FeatureTable keys, Denominators denominators, Index firstVisible, Provenance provenance)
        : m_queries(std::move(queries)),
          m_keys(std::move(keys)),
          m_denominators(std::move(denominators)),
          m_firstVisible(firstVisible),
          m_provenance(provenance)
    {
    }

    Index rows() const override { return m_queries.values.rows(); }
    Index cols() const override { return m_keys.values.rows(); }
    Provenance provenance() const override { return m_provenance; }
    KeyRange visible(Index row) const override { return {0, std::min(cols(), m_firstVisible + row)}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        const Index features = m_keys.values.cols();
        Tensor scaledKeys(1, 1, kBlockKeys, features);
        Tensor scaledQueries(1, 1, kBlockQueries, features);
        for (Index c = 0; c < out.cols; c += kBlockKeys) {
            const Index count = std::min(kBlockKeys, out.cols - c);
            const auto keys = m_keys.rows(col0 + c, count);
            std::vector<float> shift(static_cast<std::size_t>(features), -1e30F);
            raiseShift(keys, shift);
            const auto scaled = scaledKeys.matrix().rowRange(0, count);
            scaleKeys(keys, shift, scaled);
            for (Index r = 0; r < out.rows; r += kBlockQueries) {
                if (context.cancelled())
                    return cancelledError();
                const Index height = std::min(kBlockQueries, out.rows - r);
                readBlock(row0 + r, col0 + c, shift, scaled, scaledQueries.matrix().rowRange(0, height),
                          {out.row(r) + c, height, count, out.stride});
            }
        }
        return {};
    }

private:
    void readBlock(Index row0, Index col0, std::span<const float> shift, MatrixView<const float> keys, MatrixView<float> queries,
                   MatrixView<float> out) const
    {
        std::vector<float> logScale(static_cast<std::size_t>(out.rows));
        scaleQueries(m_queries.rows(row0, out.rows), shift, queries, logScale);
        gemmNT(queries, keys, out);
        for (Index i = 0; i < out.rows; ++i) {
            const auto at = static_cast<std::size_t>(row0 + i);
            const Index seen = std::clamp<Index>(visible(row0 + i).last - col0, 0, out.cols);
            const double lift = static_cast<double>(logScale[static_cast<std::size_t>(i)]) - m_denominators.logScale[at];
            const double factor = std::exp(std::min(lift, kMaxLift)) / m_denominators.values[at];
            for (Index j = 0; j < seen; ++j)
                out(i, j) = static_cast<float>(lift <= kMaxLift ? factor * out(i, j) : exactCell(row0 + i, col0 + j));
            std::fill(out.row(i) + seen, out.row(i) + out.cols, 0.0F);
        }
    }

    /// In float64 logarithms, where a key that the query does not see dwarfs those of its block that it does see.
    double exactCell(Index i, Index j) const
    {
        const auto q = m_queries.rows(i, 1);
        const auto k = m_keys.rows(j, 1);
        const double base = m_denominators.logScale[static_cast<std::size_t>(i)];
        double sum = 0.0;
        for (Index r = 0; r < q.values.cols; ++r) {
            if (q.logarithmic)
                sum += std::exp(static_cast<double>(q.values(0, r)) + k.values(0, r) - base);
            else
                sum += static_cast<double>(q.values(0, r)) * k.values(0, r) *
                       std::exp(static_cast<double>(q.logScale[0]) + k.logScale[0] - base);
        }
        return sum / m_denominators.values[static_cast<std::size_t>(i)];
    }

    FeatureTable m_queries;
    FeatureTable m_keys;
    Denominators m_denominators;
    Index m_firstVisible;
    Provenance m_provenance;
};

} // namespace

FeatureTable::FeatureTable(Index count, const FeatureMap& map)
    : values(1, 1, count, map.features()), logScale(static_cast<std::size_t>(count), 0.0F), logarithmic(map.logarithmic())
{
}

FeatureRows FeatureTable::rows(Index first, Index count)
{
    return {values.matrix().rowRange(first, count),
            std::span(logScale).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)), logarithmic};
}

FeatureRows FeatureTable::rows(Index first, Index count) const
{
    return const_cast<FeatureTable*>(this)->rows(first, count); // readers of features take views that could be written to
}

std::shared_ptr<const ScoreSource> makeRescalingSource(FeatureTable queries, FeatureTable keys, Denominators denominators,
                                                       Index firstVisible, Provenance provenance)
{
    return std::make_shared<RescalingSource>(std::move(queries), std::move(keys), std::move(denominators), firstVisible, provenance);
}

} // namespace attnscope
