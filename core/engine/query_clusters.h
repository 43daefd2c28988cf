// SPDX-License-Identifier: GPL-3.0-or-later
// Groups of similar queries: sign hashes by random planes and Lloyd's iteration in Hamming space, as in clustered attention.
#pragma once

#include "core/base/tensor.h"
#include "core/method/params.h"

#include <cstdint>
#include <span>
#include <vector>

namespace attnscope {

inline constexpr int kMostHashBits = 63;

/// [1, 1, bits, dim + 1] of N(0, 1): a plane's normal and, last, its offset.
Tensor hashPlanes(int bits, Index dim, std::uint64_t seed);

/// Bit b of row i: x_i . a_b > offset_b, as float64 has it.
std::vector<std::uint64_t> hashRows(MatrixView<const float> x, MatrixView<const float> planes);

/// The cluster of each hash after `iterations` assignments (the first of equally near centres) with a majority vote between each
/// two; an empty cluster gets a random centre. `firstCentres` are places of hashes.
std::vector<Index> clusterHashes(std::span<const std::uint64_t> hashes, std::span<const Index> firstCentres, int iterations, int bits,
                                 std::uint64_t seed);

struct QueryClusters {
    std::vector<Index> of;                   ///< each query's cluster
    std::vector<std::vector<Index>> members; ///< never empty, in order
    Tensor centres;                          ///< mean queries [1, 1, clusters, D]
};

/// The clusters that have members, numbered anew.
QueryClusters groupQueries(MatrixView<const float> q, std::span<const Index> clusters);

struct ClusterOptions {
    Index clusters = 100; ///< at most the queries there are
    int bits = 63;
    int iterations = 10;
    std::uint64_t seed = 0;
};

/// From the parameters `clusters`, `bits` and `iterations`.
ClusterOptions clusterOptions(const Params& params);

/// A method's own parameters, and after them `bits` and `iterations`.
std::vector<ParamSpec> withClusterParams(std::vector<ParamSpec> own);

/// Vyas, Katharopoulos, Fleuret, Fast Transformers with Clustered Attention, NeurIPS 2020, arXiv:2007.04825, section 3.2; first centres
/// are drawn from the queries.
QueryClusters clusterQueries(MatrixView<const float> q, const ClusterOptions& options);

} // namespace attnscope
