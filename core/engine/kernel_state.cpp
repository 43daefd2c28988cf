// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_state.h"

#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr float kNoKeys = -1e30F; // exp(kNoKeys - x) is 0 for every shift x that occurs, and no infinities meet

double ratio(float from, float to) { return std::exp(static_cast<double>(from) - static_cast<double>(to)); }

} // namespace

FeatureBuffer::FeatureBuffer(Index rows, const FeatureMap& map)
    : m_values(1, 1, rows, map.features()), m_logScale(static_cast<std::size_t>(rows)), m_logarithmic(map.logarithmic())
{
}

FeatureRows FeatureBuffer::compute(const FeatureMap& map, Side side, Index first, MatrixView<const float> x)
{
    const FeatureRows rows = FeatureRows{m_values.matrix(), m_logScale, m_logarithmic}.first(x.rows);
    map.computeAt(side, first, x, rows);
    return rows;
}

void raiseShift(const FeatureRows& keys, std::span<float> shift)
{
    if (keys.logarithmic)
        return columnMax(keys.values, shift);
    const float top = rowMax(keys.logScale);
    for (float& s : shift)
        s = std::max(s, top);
}

void scaleKeys(const FeatureRows& keys, std::span<const float> shift, MatrixView<float> out)
{
    for (Index j = 0; j < keys.values.rows; ++j) {
        if (keys.logarithmic) {
            expMinus(keys.values.rowSpan(j), shift, out.rowSpan(j));
            continue;
        }
        const auto factor = static_cast<float>(ratio(keys.logScale[static_cast<std::size_t>(j)], shift.front()));
        std::transform(keys.values.row(j), keys.values.row(j) + keys.values.cols, out.row(j), [factor](float x) { return factor * x; });
    }
}

void scaleQueries(const FeatureRows& queries, std::span<const float> shift, MatrixView<float> out, std::span<float> logScale)
{
    for (Index i = 0; i < queries.values.rows; ++i) {
        auto& scale = logScale[static_cast<std::size_t>(i)];
        if (queries.logarithmic) {
            scale = expPlus(queries.values.rowSpan(i), shift, out.rowSpan(i));
            continue;
        }
        scale = queries.logScale[static_cast<std::size_t>(i)] + shift.front();
        std::copy_n(queries.values.row(i), queries.values.cols, out.row(i));
    }
}

KernelState::KernelState(Index features, Index valueDim)
    : m_dim(valueDim),
      m_shift(static_cast<std::size_t>(features), kNoKeys),
      m_weights(m_shift.size(), 0.0),
      m_values(m_shift.size() * static_cast<std::size_t>(valueDim), 0.0),
      m_keyWeights(m_shift.size()),
      m_keyValues(m_values.size())
{
}

std::vector<float> KernelState::raisedShift(const FeatureRows& keys) const
{
    std::vector<float> raised = m_shift;
    raiseShift(keys, raised);
    return raised;
}

void KernelState::add(MatrixView<const float> scaled, std::span<const float> shift, MatrixView<const float> v)
{
    std::fill(m_keyWeights.begin(), m_keyWeights.end(), 0.0F);
    for (Index j = 0; j < scaled.rows; ++j)
        addScaledRow(m_keyWeights, 1.0F, scaled.rowSpan(j));
    if (m_dim > 0)
        gemmTN(scaled, v, {m_keyValues.data(), scaled.cols, m_dim, m_dim});
    for (std::size_t r = 0; r < m_shift.size(); ++r) {
        const auto row = static_cast<Index>(r);
        const double factor = ratio(m_shift[r], shift[r]);
        m_shift[r] = shift[r];
        m_weights[r] = factor * m_weights[r] + static_cast<double>(m_keyWeights[r]);
        rescaleAndAdd({m_values.data() + row * m_dim, size()}, factor, {m_keyValues.data() + row * m_dim, size()});
    }
}

void KernelState::merge(const KernelState& other)
{
    for (std::size_t r = 0; r < m_shift.size(); ++r) {
        const float top = std::max(m_shift[r], other.m_shift[r]);
        const double ours = ratio(m_shift[r], top);
        const double theirs = ratio(other.m_shift[r], top);
        m_shift[r] = top;
        m_weights[r] = ours * m_weights[r] + theirs * other.m_weights[r];
        for (std::size_t c = r * size(); c < (r + 1) * size(); ++c)
            m_values[c] = ours * m_values[c] + theirs * other.m_values[c];
    }
}

StateView::StateView(Index features, Index valueDim)
    : m_shift(static_cast<std::size_t>(features)), m_weights(m_shift.size()), m_values(1, 1, features, valueDim)
{
}

void StateView::assign(const KernelState& a) { assign(a, a, a.shift(), 0.0); }

void StateView::assign(const KernelState& a, const KernelState& b, std::span<const float> shift) { assign(a, b, shift, 1.0); }

void StateView::assign(const KernelState& a, const KernelState& b, std::span<const float> shift, double share)
{
    for (std::size_t r = 0; r < m_shift.size(); ++r) {
        const auto row = static_cast<Index>(r);
        m_shift[r] = std::max(a.shift()[r], shift[r]);
        const double fa = ratio(a.shift()[r], m_shift[r]);
        const double fb = share * ratio(b.shift()[r], m_shift[r]);
        m_weights[r] = static_cast<float>(fa * a.weights()[r] + fb * b.weights()[r]);
        combineScaled(a.values(row), fa, b.values(row), fb, m_values.matrix().rowSpan(row));
    }
}

} // namespace attnscope
