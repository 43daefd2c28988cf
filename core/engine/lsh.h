// SPDX-License-Identifier: GPL-3.0-or-later
// Locality-sensitive hashing by random rotations, and the groups of Reformer's sorted chunks.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/grouped_softmax.h"

#include <cstdint>

namespace attnscope {

/// Buckets for `length` places in chunks of `chunk`: length / chunk made even, at least 2.
Index lshBuckets(Index length, Index chunk);

/// Gaussian R [1, rounds, dim, buckets / 2].
Tensor drawRotations(Index rounds, Index dim, Index buckets, std::uint64_t seed);

/// The bucket of each row of x in one round: argmax of [x R, -x R]. Empty when stopped. Andoni et al., Practical and Optimal
/// LSH for Angular Distance, NeurIPS 2015, arXiv:1509.02897.
std::vector<std::int32_t> lshBucketsOf(MatrixView<const float> x, MatrixView<const float> rotation, const RunContext& context);

/// The published form: keys are the normalised queries, and all rounds' chunks stand in one ring in which each looks back one.
/// Places without a query (more keys than queries) keep their own key, normalised.
GroupedHead tiedLshHead(const Inputs& inputs, HeadRef head, const Tensor& rotations, Index chunk, const RunContext& context);

/// q and k sorted by bucket each for itself; the queries of chunk c meet the keys of the chunks c and c - 1 of the same rank.
std::vector<AttentionGroup> separateLshGroups(MatrixView<const float> q, MatrixView<const float> k, const Tensor& rotations, Index chunk,
                                              const RunContext& context);

} // namespace attnscope
