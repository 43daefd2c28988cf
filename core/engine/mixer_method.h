// SPDX-License-Identifier: GPL-3.0-or-later
// What all recurrent methods share: a method is its description, the factors of one head, and its definition.
#pragma once

#include "core/engine/mixer_factors.h"
#include "core/engine/mixer_theory.h"
#include "core/method/attention_method.h"

#include <optional>

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
    /// The half-life of a constant log decay where there is one, and the capacity line.
    Result<std::vector<TheoryCurve>> decayTheory(const Inputs& inputs, HeadRef head, std::optional<double> logDecay,
                                                 const std::string& source, const RunContext& context,
                                                 std::optional<double> deltaStrength = {}) const;

    /// What a token does to the state besides decay and write.
    enum class Erasure { None, Delta, Free };
    virtual Erasure erasure() const { return Erasure::None; }
};

} // namespace attnscope
