// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a method where it must run: a backend that leaves it to the CPU says so in a notice, which is an error here.
#pragma once

#include "core/backend.h"

namespace attnscope::tests {

/// backend.run(); an error too where a notice was heard, for the output may come from the CPU then.
inline Result<Tensor> runOnCard(const Backend& backend, const AttentionMethod& method, const Inputs& inputs, const Params& params)
{
    const NoticeCollector notices;
    auto out = backend.run(method, inputs, params, {});
    if (out && !notices.sentences().empty())
        return Error{Errc::Device, "The card didn't compute it: " + notices.sentences().front(), "Look at the notice."};
    return out;
}

} // namespace attnscope::tests
