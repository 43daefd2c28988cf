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
    std::vector<std::string> otherForms() const override { return {"recurrent", "matrix"}; }
    Result<Tensor> runForm(std::string_view form, const Inputs& inputs, const Params& params, const RunContext& context) const override;
    Index rankBound(const Shape& shape, const Params& params) const override { return features(shape.dim, params); }

protected:
    /// For queries and keys of width `dim`, whose logits are scaled by `scale`. Methods whose map depends on more than that leave it
    /// out and override inputMap().
    virtual std::unique_ptr<const FeatureMap> makeMap(Index dim, float scale, const Params& params) const;

    /// The map for these inputs; `head` matters only where mapPerHead(). Cancelled. By default makeMap().
    virtual Result<std::unique_ptr<const FeatureMap>> inputMap(const Inputs& inputs, HeadRef head, const Params& params,
                                                               const RunContext& context) const;

    /// Whether each query head needs a map of its own, made from that head's data.
    virtual bool mapPerHead(const Params& params) const { return (void)params, false; }

    /// What the map is worth.
    virtual Provenance provenance(const Params& params) const { return (void)params, Provenance::Implied; }

    /// Columns of phi, and floating-point operations to compute one row of it.
    virtual Index features(Index dim, const Params& params) const = 0;
    virtual double featureFlops(Index dim, const Params& params) const = 0;

    /// Whether the map has a plain form, which all but extreme inputs take.
    virtual bool isPlain(const Params& params) const { return (void)params, false; }

private:
    using Engine = Result<Tensor> (*)(const Inputs& inputs, const FeatureMap& map, const RunContext& context);
    Result<Tensor> runBy(Engine engine, const Inputs& inputs, const Params& params, const RunContext& context) const;
};

} // namespace attnscope
