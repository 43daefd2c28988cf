// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/grouped_method.h"

#include "core/engine/places.h"

namespace attnscope {

Result<Tensor> GroupedMethod::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkPlaces(*this, in, params, context); !ready)
        return ready.error();
    return runGrouped(
        in, [&](HeadRef head) { return problem(in, head, params, context); }, context);
}

Result<std::shared_ptr<const ScoreSource>> GroupedMethod::scores(const Inputs& in, HeadRef head, const Params& params,
                                                                 const RunContext& context) const
{
    if (auto ready = checkPlaces(*this, in, head, params, context); !ready)
        return ready.error();
    return makeGroupedSource(problem(in, head, params, context), context);
}

Result<DefinedMap> GroupedMethod::define(const Inputs& in, HeadRef head, const Params& params) const
{
    return definedGrouped(problem(in, head, params, {}));
}

} // namespace attnscope
