// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_state.h"

#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"
#include "core/compute/plain_features.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace attnscope {

namespace {

constexpr float kNoKeys = -1e30F; // exp(kNoKeys - x) is 0 for every shift x that occurs, and no infinities meet

double ratio(float from, float to) { return from == to ? 1.0 : std::exp(static_cast<double>(from) - static_cast<double>(to)); }

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
    m_plain = false;
    m_empty = false;
    columnSums(scaled, m_keyWeights);
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

void KernelState::addPlain(MatrixView<const float> phi, MatrixView<const float> v)
{
    if (m_empty)
        std::fill(m_shift.begin(), m_shift.end(), 0.0F);
    m_empty = false;
    columnSums(phi, m_keyWeights);
    addTo(m_weights, m_keyWeights);
    if (m_dim == 0)
        return;
    gemmTN(phi, v, {m_keyValues.data(), phi.cols, m_dim, m_dim});
    addTo(m_values, m_keyValues);
}

void KernelState::merge(const KernelState& other)
{
    if (other.m_empty)
        return;
    const bool aligned = m_plain && other.m_plain && !m_empty;
    m_plain = m_plain && other.m_plain;
    m_empty = false;
    if (aligned) {
        std::transform(m_weights.begin(), m_weights.end(), other.m_weights.begin(), m_weights.begin(), std::plus<>());
        std::transform(m_values.begin(), m_values.end(), other.m_values.begin(), m_values.begin(), std::plus<>());
        return;
    }
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

void StateView::assign(const KernelState& a)
{
    assign(a, a, a.shift(), 0.0);
    m_plain = a.plain();
}

void StateView::assignPlain(const KernelState& a, const KernelState& b)
{
    m_plain = true;
    std::fill(m_shift.begin(), m_shift.end(), 0.0F);
    sumToFloat(a.weights(), b.weights(), m_weights);
    sumToFloat(a.values(), b.values(), m_values.values());
}

void StateView::assign(const KernelState& a, const KernelState& b, std::span<const float> shift) { assign(a, b, shift, 1.0); }

void StateView::assign(const KernelState& a, const KernelState& b, std::span<const float> shift, double share)
{
    m_plain = false;
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
