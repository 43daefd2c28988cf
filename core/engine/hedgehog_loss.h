// SPDX-License-Identifier: GPL-3.0-or-later
// How far Hedgehog's weights are from softmax attention on some rows of a head, and which way to move W.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/hedgehog_map.h"
#include "core/method/inputs.h"

#include <optional>
#include <vector>

namespace attnscope {

/// What LoLCATs' distillation minimises: xent times the mean over rows of -sum_j A_ij log Â_ij, plus mse times the mean squared
/// difference of outputs.
struct HedgehogObjective {
    HedgehogKind kind = HedgehogKind::Softmax;
    double xent = 1.0;
    double mse = 0.0;
};

class HedgehogLoss {
public:
    /// Keeps the exact map of `rows`, 4 rows M bytes; ready() is false where it was stopped. The inputs must outlive it.
    HedgehogLoss(const Inputs& inputs, HeadRef head, const HedgehogObjective& objective, std::vector<Index> rows,
                 const RunContext& context);

    bool ready() const { return m_ready; }

    /// The mean entropy of the exact rows, below which no cross-entropy can come (Gibbs).
    double entropy() const;

    struct Value {
        double xent = 0.0; ///< before its factor
        double mse = 0.0;
    };
    struct Gradient {
        Tensor q; ///< [1, 1, D, F], by W of the queries
        Tensor k;
    };

    /// At W [D, F] of queries and keys; `gradient` may be null. None when stopped.
    std::optional<Value> evaluate(const Tensor& wq, const Tensor& wk, Gradient* gradient, const RunContext& context) const;

private:
    struct Side {
        Tensor z;   ///< [1, 1, rows, F]
        Tensor phi; ///< [1, 1, rows, 2 F]
    };
    /// Up to a factor that cancels: one for each query, one for all keys.
    std::optional<Side> featuresOf(MatrixView<const float> x, const Tensor& w, bool areKeys, const RunContext& context) const;
    Index visible(Index row) const { return m_inputs.mask().visible(m_rows[static_cast<std::size_t>(row)]).last; }
    void differentiate(Index row, std::span<float> cells, MatrixView<const float> v, std::vector<Value>& values) const;
    Tensor byWeights(MatrixView<const float> x, const Side& side, const Tensor& byPhi, const RunContext& context) const;

    Inputs m_inputs;
    HeadRef m_head;
    HedgehogObjective m_objective;
    std::vector<Index> m_rows;
    Tensor m_queries; ///< [1, 1, R, D]
    Tensor m_exact;   ///< [1, 1, R, M]
    Tensor m_outputs; ///< [1, 1, R, Dv], where outputs count
    bool m_ready = false;
};

} // namespace attnscope
