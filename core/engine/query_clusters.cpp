// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/query_clusters.h"

#include "core/base/random.h"
#include "core/compute/dense.h"
#include "core/engine/augmented.h"
#include "core/engine/landmark.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace attnscope {

namespace {

constexpr Index kHashedRows = 256;

Index nearestCentre(std::uint64_t hash, std::span<const std::uint64_t> centres)
{
    std::size_t best = 0;
    int least = kMostHashBits + 1;
    for (std::size_t c = 0; c < centres.size(); ++c)
        if (const int distance = std::popcount(hash ^ centres[c]); distance < least) {
            least = distance;
            best = c;
        }
    return static_cast<Index>(best);
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

double sizeOf(std::span<const float> x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); }

/// x . a > offset with the plane [a, offset].
bool isOnPositiveSide(std::span<const float> x, std::span<const float> plane)
{
    double sum = 0.0;
    for (std::size_t c = 0; c < x.size(); ++c)
        sum += static_cast<double>(x[c]) * plane[c];
    return sum > plane.back();
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
    std::vector<double> sizes;
    for (Index b = 0; b < planes.rows; ++b)
        sizes.push_back(sizeOf(planes.rowSpan(b)));
    Tensor sides(1, 1, std::min(kHashedRows, x.rows), planes.rows);
    for (Index first = 0; first < x.rows; first += kHashedRows) {
        const Index rows = std::min(kHashedRows, x.rows - first);
        gemmNT(withMinusOne(x.rowRange(first, rows)).matrix(), planes, sides.matrix().rowRange(0, rows));
        for (Index i = 0; i < rows; ++i) {
            // Float32 decides unless rounding might turn the sign: a product is wrong by (dim + 1) eps |x| |plane| at most.
            const double slack = static_cast<double>(x.cols + 2) * 0x1p-23 * std::hypot(sizeOf(x.rowSpan(first + i)), 1.0);
            for (Index b = 0; b < planes.rows; ++b) {
                const float side = sides.matrix()(i, b);
                const bool sure = std::abs(side) > slack * sizes[static_cast<std::size_t>(b)];
                const bool positive = sure ? side > 0.0F : isOnPositiveSide(x.rowSpan(first + i), planes.rowSpan(b));
                hashes[static_cast<std::size_t>(first + i)] |= static_cast<std::uint64_t>(positive) << b;
            }
        }
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

ClusterOptions clusterOptions(const Params& params)
{
    return {params.integer("clusters"), static_cast<int>(params.integer("bits")), static_cast<int>(params.integer("iterations")),
            params.seed};
}

std::vector<ParamSpec> withClusterParams(std::vector<ParamSpec> own)
{
    own.push_back(
        {.key = "bits",
         .label = "Hash bits",
         .initial = 63,
         .min = 1,
         .max = kMostHashBits,
         .integer = true,
         .help = "Random planes; each gives the sign of one bit. The official code takes 63, or 32 where its class is used alone."});
    own.push_back({.key = "iterations",
                   .label = "Iterations",
                   .initial = 10,
                   .min = 1,
                   .max = 100,
                   .integer = true,
                   .help = "Assignments of hashes to centres, with a majority vote for each bit between each two."});
    return own;
}

} // namespace attnscope
