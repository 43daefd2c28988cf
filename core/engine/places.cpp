// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/places.h"

namespace attnscope {

namespace {

Result<void> checkLengths(const AttentionMethod& method, const Inputs& in)
{
    if (in.q.rows() > in.k.rows())
        return Error{Errc::InvalidShape,
                     method.info().title + " needs a place for each of the " + std::to_string(in.q.rows()) + " queries among only " +
                         std::to_string(in.k.rows()) + " keys.",
                     "Give at least as many keys as queries, or choose a method without positions."};
    return {};
}

} // namespace

Result<void> checkPlaces(const AttentionMethod& method, const Inputs& in, const Params& params, const RunContext& context)
{
    auto ready = checkRunnable(method, in, params, context);
    return ready ? checkLengths(method, in) : ready;
}

Result<void> checkPlaces(const AttentionMethod& method, const Inputs& in, HeadRef head, const Params& params, const RunContext& context)
{
    auto ready = checkRunnable(method, in, head, params, context);
    return ready ? checkLengths(method, in) : ready;
}

} // namespace attnscope
