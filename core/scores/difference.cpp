// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/difference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace attnscope {

namespace {

constexpr std::array<std::string_view, 4> kNames{"error", "abs", "squared", "relative"};

float differ(float a, float b, DifferenceMetric metric)
{
    const float error = a - b;
    switch (metric) {
    case DifferenceMetric::Error:
        return error;
    case DifferenceMetric::Abs:
        return std::fabs(error);
    case DifferenceMetric::Squared:
        return error * error;
    case DifferenceMetric::Relative:
        return std::min(std::fabs(error) / std::max(std::fabs(b), std::numeric_limits<float>::min()), std::numeric_limits<float>::max());
    }
    return error;
}

std::string sizeText(const ScoreSource& s) { return std::to_string(s.rows()) + " x " + std::to_string(s.cols()); }

} // namespace

std::string_view toString(DifferenceMetric metric) { return kNames[static_cast<std::size_t>(metric)]; }

Result<DifferenceMetric> parseDifferenceMetric(std::string_view name)
{
    const auto* const found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end())
        return Error{Errc::InvalidParam, "There is no metric \"" + std::string(name) + "\".", "Use error, abs, squared or relative."};
    return static_cast<DifferenceMetric>(found - kNames.begin());
}

Difference::Difference(std::shared_ptr<const ScoreSource> a, std::shared_ptr<const ScoreSource> b, DifferenceMetric metric)
    : m_a(std::move(a)), m_b(std::move(b)), m_metric(metric)
{
}

Index Difference::rows() const { return m_b->rows(); }

Index Difference::cols() const { return m_b->cols(); }

Provenance Difference::provenance() const { return std::max(m_a->provenance(), m_b->provenance()); }

KeyRange Difference::visible(Index row) const { return hull(m_a->visible(row), m_b->visible(row)); }

bool Difference::isZero(Index row0, Index col0, Index rowCount, Index colCount) const
{
    return m_a->isZero(row0, col0, rowCount, colCount) && m_b->isZero(row0, col0, rowCount, colCount);
}

bool Difference::poolsDirectly(Pool pool) const
{
    return pool == Pool::Mean && m_metric == DifferenceMetric::Error && attnscope::poolsDirectly(*m_a, pool) &&
           attnscope::poolsDirectly(*m_b, pool);
}

Result<void> Difference::readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const
{
    const Block block{row0, col0, out.rows, out.cols, 0};
    if (auto done = m_a->read(block, Pool::Mean, out, context); !done)
        return done;
    std::vector<float> exact(static_cast<std::size_t>(out.rows * out.cols));
    const MatrixView<float> b{exact.data(), out.rows, out.cols, out.cols};
    if (auto done = m_b->read(block, Pool::Mean, b, context); !done)
        return done;
    for (Index i = 0; i < out.rows; ++i)
        std::transform(out.row(i), out.row(i) + out.cols, b.row(i), out.row(i),
                       [metric = m_metric](float x, float y) { return differ(x, y, metric); });
    return {};
}

Result<void> Difference::readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    // Means are linear, so the mean error follows from each map's own (often much faster) mean levels.
    if (pool != Pool::Mean || m_metric != DifferenceMetric::Error)
        return ScoreSource::readPooled(block, pool, out, context);
    if (auto done = m_a->read(block, pool, out, context); !done)
        return done;
    std::vector<float> exact(static_cast<std::size_t>(out.rows * out.cols));
    const MatrixView<float> b{exact.data(), out.rows, out.cols, out.cols};
    if (auto done = m_b->read(block, pool, b, context); !done)
        return done;
    for (Index i = 0; i < out.rows; ++i)
        std::transform(out.row(i), out.row(i) + out.cols, b.row(i), out.row(i), [](float x, float y) { return x - y; });
    return {};
}

Result<std::shared_ptr<const ScoreSource>> makeDifference(std::shared_ptr<const ScoreSource> a, std::shared_ptr<const ScoreSource> b,
                                                          DifferenceMetric metric)
{
    if (a->rows() != b->rows() || a->cols() != b->cols())
        return Error{Errc::InvalidShape, "The maps can't be compared: one is " + sizeText(*a) + ", the other " + sizeText(*b) + ".",
                     "Compare maps of the same queries and keys."};
    return std::shared_ptr<const ScoreSource>(std::make_shared<Difference>(std::move(a), std::move(b), metric));
}

} // namespace attnscope
