// SPDX-License-Identifier: GPL-3.0-or-later
// What the exact attention of one head is like: how peaked, how local, of what rank. It decides which approximations can follow it.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/method/inputs.h"

namespace attnscope {

/// Keys on each side of a query's place that count as near.
inline constexpr Index kNearKeys = 32;

/// Means over rows of the exact map A (all, or a sample spread over the sequence); logits are scaled.
struct InputProfile {
    Index queries = 0;
    Index keys = 0;
    Index rowsRead = 0;        ///< queries where nothing was sampled
    double entropy = 0.0;      ///< mean entropy of a row, nats
    double flatEntropy = 0.0;  ///< what it would be if every visible key got the same weight
    double stableRank = 0.0;   ///< |A|_F² / sigma_1², of the rows read
    double largestLogit = 0.0; ///< max |scale q . k| over visible pairs
    double logitScale = 0.0;   ///< sqrt(ln keys): below it subquadratic approximation exists, above it none is known (Alman and Song,
                               ///< NeurIPS 2023, arXiv:2302.13214; constants unspecified, so a guide only)
    double nearWeight = 0.0;   ///< weight within kNearKeys of the query's place
    double firstWeight = 0.0;  ///< weight on key 0, the attention sink

    bool sampled() const { return rowsRead < queries; }
};

/// Of one head. Reads rows into at most 64 MiB; Cancelled, and what validate() refuses.
Result<InputProfile> profileOf(const Inputs& inputs, HeadRef head, const RunContext& context);

} // namespace attnscope
