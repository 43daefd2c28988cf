// SPDX-License-Identifier: GPL-3.0-or-later
// Linformer's E and F [rank, keys]: projections along the sequence, averaged over blocks, drawn, or loaded.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"
#include "core/method/inputs.h"
#include "core/method/params.h"

#include <memory>

namespace attnscope {

class SequenceProjection {
public:
    /// From the parameters `projection`, `rank`, `e` and `f`. InvalidParam where a file is missing, InvalidShape where a
    /// loaded array does not fit the keys or the heads; Cancelled. F is E where only E is given.
    static Result<SequenceProjection> make(const Inputs& inputs, const Params& params, const RunContext& context);

    Index rank() const { return m_rank; }

    /// E x [rank, cols] and F x [rank, cols] of a head's keys or values x [keys, cols].
    Tensor projectKeys(HeadRef head, MatrixView<const float> x) const { return project(m_e.get(), head, x); }
    Tensor projectValues(HeadRef head, MatrixView<const float> x) const { return project(m_f.get(), head, x); }

    /// Fᵀ [1, 1, keys, rank].
    Tensor valuesTransposed(HeadRef head) const;

    /// One entry of E or F.
    float e(HeadRef head, Index r, Index key) const { return entry(m_e.get(), head, r, key); }
    float f(HeadRef head, Index r, Index key) const { return entry(m_f.get(), head, r, key); }

private:
    Tensor project(const Tensor* matrix, HeadRef head, MatrixView<const float> x) const;
    float entry(const Tensor* matrix, HeadRef head, Index r, Index key) const;
    Index blockStart(Index r) const { return r * m_keys / m_rank; }
    MatrixView<const float> matrixOf(const Tensor& matrix, HeadRef head) const;

    Index m_rank = 0;
    Index m_keys = 0;
    Index m_heads = 0;
    std::shared_ptr<const Tensor> m_e; ///< [1, heads, rank, keys]; null for averages over blocks of keys
    std::shared_ptr<const Tensor> m_f;
};

} // namespace attnscope
