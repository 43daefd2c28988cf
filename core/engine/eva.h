// SPDX-License-Identifier: GPL-3.0-or-later
// EVA: one softmax over the exact logits of a window and one logit for each chunk of keys.
#pragma once

#include "core/base/result.h"
#include "core/method/inputs.h"
#include "core/scores/score_source.h"

#include <algorithm>
#include <memory>

namespace attnscope {

struct EvaOptions {
    Index window = 64;       ///< keys of the block that a query sees exactly; 0: none
    Index chunk = 16;        ///< keys of a chunk; the last one may be shorter
    bool correction = false; ///< adds ln(chunk size) to the chunks' logits
    bool padded = false;     ///< as the official code pads: zeros up to a whole window count as tokens of the chunks that hold them
};

/// What each query sees. Queries are aligned to the last keys.
struct EvaLayout {
    Index queries = 0;
    Index keys = 0;
    bool causal = false;
    EvaOptions options{};

    Index place(Index query) const { return query + keys - queries; }
    Index chunks() const { return (paddedKeys() + options.chunk - 1) / options.chunk; }
    KeyRange chunkKeys(Index c) const { return {std::min(keys, c * options.chunk), std::min(keys, (c + 1) * options.chunk)}; }

    /// Keys and the zeros after them; where they aren't padded, the keys.
    Index paddedKeys() const
    {
        const Index window = std::max<Index>(options.window, 1);
        return options.padded ? (keys + window - 1) / window * window : keys;
    }

    /// The block of keys around the query; causal: up to its own place, and from the start of its chunk at least, as the
    /// chunk itself is left out then.
    KeyRange local(Index query) const;

    /// The chunks 0 .. n - 1 that count: all, or where causal those before the query's own.
    Index chunksSeen(Index query) const { return causal ? place(query) / options.chunk : chunks(); }
};

EvaLayout evaLayout(const Inputs& inputs, const EvaOptions& options);

/// O [B, H, N, Dv]; Cancelled. Zheng, Yuan, Wang, Kong, Efficient Attention via Control Variates, ICLR 2023, arXiv:2302.04542,
/// section 4, as its official code evaluates it: chunk logits scale q . k_c of mean keys, chunk values
/// softmax_{j in c}(scale (mu_c . k_j - |k_j|² / 2)) V with mu_c half the sum (causal: the sum) of mean query and mean key.
Result<Tensor> runEva(const Inputs& inputs, const EvaOptions& options, const RunContext& context);

/// The map of one head: O(N + M (D + 1)) memory; Cancelled.
Result<std::shared_ptr<const ScoreSource>> makeEvaSource(const Inputs& inputs, HeadRef head, const EvaOptions& options,
                                                         const RunContext& context);

} // namespace attnscope
