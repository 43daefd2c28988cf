// SPDX-License-Identifier: GPL-3.0-or-later
// What all recurrent methods share: a method is its description, the factors of one head, and its definition.
#pragma once

#include "core/engine/mixer_factors.h"
#include "core/method/attention_method.h"

namespace attnscope {

class MixerMethod : public AttentionMethod {
public:
    Cost cost(const Shape& shape, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& inputs, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& inputs, HeadRef head, const Params& params,
                                                      const RunContext& context) const override;
    std::vector<std::string> otherForms() const override { return {"recurrent", "matrix"}; }
    Result<Tensor> runForm(std::string_view form, const Inputs& inputs, const Params& params, const RunContext& context) const override;

    /// Of one query head of valid causal inputs. InvalidShape or InvalidParam where an array of the input doesn't fit.
    virtual Result<MixerFactors> factors(const Inputs& inputs, HeadRef head, const Params& params) const = 0;

protected:
    /// What a token does to the state besides decay and write.
    enum class Erasure { None, Delta, Free };
    virtual Erasure erasure() const { return Erasure::None; }
};

/// A head schedule or a constant decay as a curve: e^{g d} and its half-life over the distance d.
TheoryCurve halfLifeCurve(double logDecay, Index tokens, const std::string& source);

} // namespace attnscope
