// SPDX-License-Identifier: GPL-3.0-or-later
// What all kernel methods share: a method is its description and its feature map.
#pragma once

#include "core/engine/feature_map.h"
#include "core/method/attention_method.h"

#include <memory>

namespace attnscope {

class KernelMethod : public AttentionMethod {
public:
    Cost cost(const Shape& shape, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& inputs, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& inputs, HeadRef head, const Params& params,
                                                      const RunContext& context) const override;
    Index rankBound(const Shape& shape, const Params& params) const override { return features(shape.dim, params); }

protected:
    /// For queries and keys of width `dim`, whose logits are scaled by `scale`.
    virtual std::unique_ptr<const FeatureMap> makeMap(Index dim, float scale, const Params& params) const = 0;

    /// Columns of phi, and floating-point operations to compute one row of it.
    virtual Index features(Index dim, const Params& params) const = 0;
    virtual double featureFlops(Index dim, const Params& params) const = 0;
};

} // namespace attnscope
