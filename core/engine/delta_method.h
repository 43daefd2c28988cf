// SPDX-License-Identifier: GPL-3.0-or-later
// What the delta rules share: keys of length 1 that erase before they write, with a decay of the state or of its channels.
#pragma once

#include "core/engine/mixer_method.h"

namespace attnscope {

class DeltaMethod : public MixerMethod {
public:
    Result<MixerFactors> factors(const Inputs& inputs, HeadRef head, const Params& params) const override;
    Result<DefinedMap> define(const Inputs& inputs, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& inputs, HeadRef head, const Params& params,
                                            const RunContext& context) const override;

protected:
    enum class Decay { None, Token, Channel };
    virtual Decay decay() const = 0;
    Erasure erasure() const override { return Erasure::Delta; }

    /// `beta`, `normalize-keys`, `normalize-queries`, and `g` where there is a decay.
    static std::vector<ParamSpec> deltaParams(Decay decay);
};

} // namespace attnscope
