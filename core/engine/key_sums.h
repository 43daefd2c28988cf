// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over runs of keys, from which methods build states of their own.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/kernel_state.h"

namespace attnscope {

/// Features exp(scale x - log of their sum over the row) for queries, exp(scale x) for keys: softmax over features meets keys that
/// are still to be divided by their sums.
class SoftmaxLogs : public FeatureMap {
public:
    SoftmaxLogs(Index dim, float scale) : m_dim(dim), m_scale(scale) {}
    Index features() const override { return m_dim; }
    bool logarithmic() const override { return true; }
    void compute(Side side, MatrixView<const float> x, const FeatureRows& out) const override;
    bool computePlain(Side side, MatrixView<const float> x, MatrixView<float> out) const override;

private:
    Index m_dim;
    float m_scale;
};

/// Keys that are added at a time.
inline constexpr Index kKeyChunk = 128;

/// The state of the keys [first, last) and their values v; as far as it came where stopped.
KernelState sumOfKeys(const FeatureMap& map, MatrixView<const float> k, MatrixView<const float> v, Index first, Index last,
                      const RunContext& context);

} // namespace attnscope
