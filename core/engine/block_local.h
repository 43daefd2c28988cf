// SPDX-License-Identifier: GPL-3.0-or-later
// Local softmax attention by blocks: a query sees its own block of keys, the one before and, unless causal, the one after.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/method/inputs.h"
#include "core/scores/score_source.h"

#include <memory>

namespace attnscope {

/// Query i stands at key i + M - N; blocks of `window` keys begin at key 0, and the last may be shorter.
struct BlockLocal {
    Index queries = 0;
    Index keys = 0;
    Index window = 1;
    bool causal = false;

    Index place(Index query) const { return query + keys - queries; }
    Index begin(Index query) const;
    Index end(Index query) const;
};

/// The rows of one head into out [N, Dv]; false when stopped.
bool runBlockLocal(const Inputs& inputs, HeadRef head, Index window, MatrixView<float> out, const RunContext& context);

/// The head's map; Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeBlockLocalSource(const Inputs& inputs, HeadRef head, Index window,
                                                                const RunContext& context);

} // namespace attnscope
