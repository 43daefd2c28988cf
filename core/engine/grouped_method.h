// SPDX-License-Identifier: GPL-3.0-or-later
// What the methods of grouped attention share: each is its description, its cost and the groups that it makes of a head.
#pragma once

#include "core/engine/grouped_softmax.h"

namespace attnscope {

class GroupedMethod : public AttentionMethod {
public:
    Result<Tensor> run(const Inputs& inputs, const Params& params, const RunContext& context) const final;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& inputs, HeadRef head, const Params& params,
                                                      const RunContext& context) const final;
    Result<DefinedMap> define(const Inputs& inputs, HeadRef head, const Params& params) const override;

protected:
    /// The head with its groups; whatever it has so far when stopped.
    virtual GroupedHead problem(const Inputs& inputs, HeadRef head, const Params& params, const RunContext& context) const = 0;
};

} // namespace attnscope
