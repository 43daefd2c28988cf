// SPDX-License-Identifier: GPL-3.0-or-later
// The sums over keys on which kernel attention rests, kept in float64 with one shift per feature so that nothing overflows.
#pragma once

#include "core/engine/feature_map.h"

#include <memory>
#include <span>
#include <vector>

namespace attnscope {

/// Storage for the features of up to `rows` rows.
class FeatureBuffer {
public:
    FeatureBuffer(Index rows, const FeatureMap& map);

    /// The features of x, at most as many rows as there is room for; they stand at `first` and after it.
    FeatureRows compute(const FeatureMap& map, Side side, Index first, MatrixView<const float> x);

private:
    Tensor m_values;
    std::vector<float> m_logScale;
    bool m_logarithmic;
};

/// shift_r = max(shift_r, log of the largest feature r of the keys); scalar maps raise all features together.
void raiseShift(const FeatureRows& keys, std::span<float> shift);

/// out_jr = phi(k_j)_r exp(-shift_r), at most 1 in size where shift covers the keys.
void scaleKeys(const FeatureRows& keys, std::span<const float> shift, MatrixView<float> out);

/// out_ir = phi(q_i)_r exp(shift_r - logScale_i), at most 1 in size; logScale [rows] is filled.
void scaleQueries(const FeatureRows& queries, std::span<const float> shift, MatrixView<float> out, std::span<float> logScale);

/// For a set of keys: weights_r = exp(-shift_r) sum_j phi(k_j)_r and values_rc = exp(-shift_r) sum_j phi(k_j)_r v_jc.
class KernelState {
public:
    KernelState(Index features, Index valueDim);

    /// The shift that covers these keys as well; the state stays as it is.
    std::vector<float> raisedShift(const FeatureRows& keys) const;

    /// Adds keys: `scaled` = scaleKeys(keys, shift) with shift = raisedShift(keys), and their values.
    void add(MatrixView<const float> scaled, std::span<const float> shift, MatrixView<const float> v);

    /// Adds keys by their plain features. Only where the state itself is plain.
    void addPlain(MatrixView<const float> phi, MatrixView<const float> v);

    /// Whether all shifts are 0, as they are while only plain features were added (and before any).
    bool plain() const { return m_plain; }

    /// Adds all keys of another state.
    void merge(const KernelState& other);

    std::span<const float> shift() const { return m_shift; }
    std::span<const double> weights() const { return m_weights; }                                   ///< [features]
    std::span<const double> values(Index r) const { return {m_values.data() + r * m_dim, size()}; } ///< [valueDim]
    std::span<const double> values() const { return m_values; }                                     ///< [features, valueDim]

private:
    std::size_t size() const { return static_cast<std::size_t>(m_dim); }

    Index m_dim;
    bool m_plain = true;
    bool m_empty = true; ///< then the shifts are not 0 but as low as can be
    std::vector<float> m_shift;
    std::vector<double> m_weights;
    std::vector<double> m_values;
    std::vector<float> m_keyWeights; ///< of the latest keys alone
    std::vector<float> m_keyValues;
};

/// The sums of one or two disjoint sets of keys in float32, relative to a shift of their own.
class StateView {
public:
    StateView(Index features, Index valueDim);

    /// Relative to the shift of `a`.
    void assign(const KernelState& a);

    /// Relative to the larger of a.shift() and `shift`, which covers b.
    void assign(const KernelState& a, const KernelState& b, std::span<const float> shift);

    /// Relative to no shift, where both are plain.
    void assignPlain(const KernelState& a, const KernelState& b);

    bool plain() const { return m_plain; } ///< all shifts are 0
    std::span<const float> shift() const { return m_shift; }
    std::span<const float> weights() const { return m_weights; }
    MatrixView<const float> values() const { return m_values.matrix(); } ///< [features, valueDim]

private:
    void assign(const KernelState& a, const KernelState& b, std::span<const float> shift, double share);

    bool m_plain = false;
    std::vector<float> m_shift;
    std::vector<float> m_weights;
    Tensor m_values;
};

} // namespace attnscope
