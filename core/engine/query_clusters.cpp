// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/query_clusters.h"

#include "core/base/random.h"
#include "core/engine/landmark.h"

#include <algorithm>
#include <bit>

namespace attnscope {

namespace {

Index nearestCentre(std::uint64_t hash, std::span<const std::uint64_t> centres)
{
    const auto nearer = [hash](std::uint64_t a, std::uint64_t b) { return std::popcount(hash ^ a) < std::popcount(hash ^ b); };
    return std::min_element(centres.begin(), centres.end(), nearer) - centres.begin();
}

void assign(std::span<const std::uint64_t> hashes, std::span<const std::uint64_t> centres, std::span<Index> clusters)
{
    std::transform(hashes.begin(), hashes.end(), clusters.begin(), [&](std::uint64_t h) { return nearestCentre(h, centres); });
}

/// Each bit of a centre is 1 where most of its hashes have 1.
void vote(std::span<const std::uint64_t> hashes, std::span<const Index> clusters, int bits, Random& random,
          std::span<std::uint64_t> centres)
{
    const auto width = static_cast<std::size_t>(bits);
    std::vector<Index> votes(centres.size() * width, 0);
    std::vector<bool> used(centres.size(), false);
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        const auto c = static_cast<std::size_t>(clusters[i]);
        used[c] = true;
        for (std::size_t b = 0; b < width; ++b)
            votes[c * width + b] += (hashes[i] >> b & 1U) != 0 ? 1 : -1;
    }
    for (std::size_t c = 0; c < centres.size(); ++c) {
        if (!used[c]) {
            centres[c] = random.next() >> (64 - width);
            continue;
        }
        centres[c] = 0;
        for (std::size_t b = 0; b < width; ++b)
            centres[c] |= static_cast<std::uint64_t>(votes[c * width + b] > 0) << b;
    }
}

} // namespace

Tensor hashPlanes(int bits, Index dim, std::uint64_t seed)
{
    Tensor planes(1, 1, bits, dim + 1);
    Random random(seed, 0x706C616E);
    std::generate(planes.values().begin(), planes.values().end(), [&] { return static_cast<float>(random.normal()); });
    return planes;
}

std::vector<std::uint64_t> hashRows(MatrixView<const float> x, MatrixView<const float> planes)
{
    std::vector<std::uint64_t> hashes(static_cast<std::size_t>(x.rows), 0);
    for (Index i = 0; i < x.rows; ++i)
        for (Index b = 0; b < planes.rows; ++b) {
            double sum = 0.0;
            for (Index c = 0; c < x.cols; ++c)
                sum += static_cast<double>(x(i, c)) * planes(b, c);
            hashes[static_cast<std::size_t>(i)] |= static_cast<std::uint64_t>(sum > planes(b, x.cols)) << b;
        }
    return hashes;
}

std::vector<Index> clusterHashes(std::span<const std::uint64_t> hashes, std::span<const Index> firstCentres, int iterations, int bits,
                                 std::uint64_t seed)
{
    std::vector<std::uint64_t> centres;
    for (const Index place : firstCentres)
        centres.push_back(hashes[static_cast<std::size_t>(place)]);
    std::vector<Index> clusters(hashes.size());
    Random random(seed, 0x656D7074);
    for (int i = 1; i < iterations; ++i) {
        assign(hashes, centres, clusters);
        vote(hashes, clusters, bits, random, centres);
    }
    assign(hashes, centres, clusters);
    return clusters;
}

QueryClusters groupQueries(MatrixView<const float> q, std::span<const Index> clusters)
{
    const Index most = clusters.empty() ? 0 : *std::max_element(clusters.begin(), clusters.end()) + 1;
    std::vector<Index> number(static_cast<std::size_t>(most), -1);
    QueryClusters groups;
    for (const Index c : clusters)
        number[static_cast<std::size_t>(c)] = 0;
    Index count = 0;
    for (Index& n : number)
        n = n < 0 ? n : count++;
    groups.members.resize(static_cast<std::size_t>(count));
    for (Index i = 0; i < q.rows; ++i) {
        groups.of.push_back(number[static_cast<std::size_t>(clusters[static_cast<std::size_t>(i)])]);
        groups.members[static_cast<std::size_t>(groups.of.back())].push_back(i);
    }
    DoubleMatrix means(count, q.cols);
    for (Index c = 0; c < count; ++c) {
        const auto& members = groups.members[static_cast<std::size_t>(c)];
        for (const Index i : members)
            std::transform(means.row(c), means.row(c) + q.cols, q.row(i), means.row(c),
                           [size = static_cast<double>(members.size())](double sum, float x) { return sum + x / size; });
    }
    groups.centres = rounded(means);
    return groups;
}

QueryClusters clusterQueries(MatrixView<const float> q, const ClusterOptions& options)
{
    const Tensor planes = hashPlanes(options.bits, q.cols, options.seed);
    const std::vector<std::uint64_t> hashes = hashRows(q, planes.matrix());
    const std::vector<Index> first = randomPlaces(q.rows, std::min(options.clusters, q.rows), options.seed);
    return groupQueries(q, clusterHashes(hashes, first, options.iterations, options.bits, options.seed));
}

} // namespace attnscope
