// SPDX-License-Identifier: GPL-3.0-or-later
// Spherical k-means over queries and keys, and the groups of the Routing Transformer.
#pragma once

#include "core/base/run_context.h"
#include "core/engine/grouped_softmax.h"

#include <cstdint>

namespace attnscope {

/// Unit centres [1, 1, clusters, dim]: drawn among the rows of q and k by `seed`, then moved by `iterations` steps of spherical
/// k-means over all rows. A centre that no row chooses stays. What is there so far when stopped.
Tensor sphericalCentres(MatrixView<const float> q, MatrixView<const float> k, Index clusters, Index iterations, std::uint64_t seed,
                        const RunContext& context);

/// Cluster by cluster, the `queries` rows of q and the `keys` rows of k whose cosine with its centre is largest; of equal ones the
/// earlier row.
std::vector<AttentionGroup> routedGroups(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> centres,
                                         Index queries, Index keys, const RunContext& context);

} // namespace attnscope
