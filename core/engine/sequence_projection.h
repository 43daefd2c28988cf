// SPDX-License-Identifier: GPL-3.0-or-later
// Linformer's E and F [rank, keys]: projections along the sequence, pooled over blocks, drawn, or loaded.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/method/inputs.h"
#include "core/method/params.h"

#include <memory>

namespace attnscope {

/// How a row of E or F mixes the keys.
enum class SequenceMix {
    Mean,   ///< the mean of a block of keys
    Hann,   ///< a convolution with stride and kernel of one block: weights sin², which add up to 1
    Max,    ///< of keys alone, feature by feature: not a matrix; values are averaged
    Matrix, ///< drawn or loaded
};

class SequenceProjection {
public:
    /// From the parameters `projection`, `rank`, `delta`, `e` and `f`: "mean-pool" and "oracle-f" average, "conv" and "max-pool" pool,
    /// "gaussian", "theorem-1" and "theorem-2" draw E = F = R with entries N(0, 1/rank), the last one scaled to E = delta R and
    /// F = e^-delta R, and "loaded" takes the files. InvalidParam where a file is missing, InvalidShape where a
    /// loaded array does not fit the keys or the heads; Cancelled. F is E where only E is given.
    static Result<SequenceProjection> make(const Inputs& inputs, const Params& params, const RunContext& context);

    Index rank() const { return m_rank; }

    /// E x [rank, cols] and F x [rank, cols] of a head's keys or values x [keys, cols].
    Tensor projectKeys(HeadRef head, MatrixView<const float> x, const RunContext& context = alone()) const
    {
        return project(m_keyMix, m_e.get(), m_eFactor, head, x, context);
    }
    Tensor projectValues(HeadRef head, MatrixView<const float> x, const RunContext& context = alone()) const
    {
        return project(m_valueMix, m_f.get(), m_fFactor, head, x, context);
    }

    /// Fᵀ [1, 1, keys, rank].
    Tensor valuesTransposed(HeadRef head) const;

    /// One entry of E (not where keys are maxima) or F.
    double e(HeadRef head, Index r, Index key) const { return entry(m_keyMix, m_e.get(), m_eFactor, head, r, key); }
    double f(HeadRef head, Index r, Index key) const { return entry(m_valueMix, m_f.get(), m_fFactor, head, r, key); }

    SequenceMix keyMix() const { return m_keyMix; }
    SequenceMix valueMix() const { return m_valueMix; }

    /// A drawn or loaded E [1, heads or 1, rank, keys] before it is multiplied by the factor, likewise F; null where keys are pooled.
    const Tensor* eMatrix() const { return m_e.get(); }
    const Tensor* fMatrix() const { return m_f.get(); }
    double eFactor() const { return m_eFactor; }
    double fFactor() const { return m_fFactor; }

    /// The first key of block r, and the last one's successor where r is one more.
    Index blockStart(Index r) const { return r * m_keys / m_rank; }

private:
    Result<void> draw(const Params& params, const RunContext& context);
    Result<void> load(const Inputs& inputs, const Params& params);
    static RunContext alone() { return {{}, {}, 0, 1}; }
    Tensor project(SequenceMix mix, const Tensor* matrix, double factor, HeadRef head, MatrixView<const float> x,
                   const RunContext& context) const;
    void pool(SequenceMix mix, MatrixView<const float> x, Index first, Index last, MatrixView<float> out) const;
    double entry(SequenceMix mix, const Tensor* matrix, double factor, HeadRef head, Index r, Index key) const;
    double blockWeight(SequenceMix mix, Index r, Index key) const;
    MatrixView<const float> matrixOf(const Tensor& matrix, HeadRef head) const;

    Index m_rank = 0;
    Index m_keys = 0;
    Index m_heads = 0;
    SequenceMix m_keyMix = SequenceMix::Mean;
    SequenceMix m_valueMix = SequenceMix::Mean;
    double m_eFactor = 1.0;
    double m_fFactor = 1.0;
    std::shared_ptr<const Tensor> m_e; ///< [1, heads, rank, keys], times m_eFactor; null unless m_keyMix is Matrix
    std::shared_ptr<const Tensor> m_f;
};

} // namespace attnscope
