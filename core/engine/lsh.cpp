// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/lsh.h"

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/compute/dense.h"
#include "core/compute/scratch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attnscope {

namespace {

using Order = std::vector<std::int32_t>;

/// Places sorted by bucket, then by position.
Order sortedByBucket(const std::vector<std::int32_t>& buckets)
{
    Order order(buckets.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return buckets[static_cast<std::size_t>(a)] < buckets[static_cast<std::size_t>(b)]; });
    return order;
}

/// Part c of `parts` equal ones.
std::span<const std::int32_t> partOf(const Order& order, Index c, Index parts)
{
    const auto size = static_cast<Index>(order.size());
    const Index first = c * size / parts;
    return std::span(order).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>((c + 1) * size / parts - first));
}

/// Chunk c of `chunk` places; the last may be shorter.
std::span<const std::int32_t> chunkOf(const Order& order, Index c, Index chunk)
{
    const auto first = static_cast<std::size_t>(c * chunk);
    return std::span(order).subspan(first, std::min(static_cast<std::size_t>(chunk), order.size() - first));
}

/// Both parts, ascending; what occurs in both stands twice.
std::vector<std::int32_t> joined(std::span<const std::int32_t> a, std::span<const std::int32_t> b)
{
    std::vector<std::int32_t> all(a.begin(), a.end());
    all.insert(all.end(), b.begin(), b.end());
    std::sort(all.begin(), all.end());
    return all;
}

} // namespace

Index lshBuckets(Index length, Index chunk) { return std::max<Index>(2, length / chunk / 2 * 2); }

Tensor drawRotations(Index rounds, Index dim, Index buckets, std::uint64_t seed)
{
    Tensor rotations(1, rounds, dim, buckets / 2);
    for (Index r = 0; r < rounds; ++r) {
        Random random(seed, static_cast<std::uint64_t>(r));
        for (Index i = 0; i < dim; ++i)
            for (float& x : rotations.matrix({0, r}).rowSpan(i))
                x = static_cast<float>(random.normal());
    }
    return rotations;
}

std::vector<std::int32_t> lshBucketsOf(MatrixView<const float> x, MatrixView<const float> rotation, const RunContext& context)
{
    constexpr Index kRows = 64;
    std::vector<std::int32_t> buckets(static_cast<std::size_t>(x.rows));
    const bool done = parallelFor(x.rows, kRows, context, [&](Index first, Index last) {
        thread_local Scratch scratch;
        const MatrixView<float> rotated{scratch.floats(kRows * rotation.cols), last - first, rotation.cols, rotation.cols};
        gemmNN(x.rowRange(first, last - first), rotation, rotated);
        for (Index i = first; i < last; ++i) {
            const auto row = rotated.rowSpan(i - first);
            const auto [low, high] = std::minmax_element(row.begin(), row.end());
            buckets[static_cast<std::size_t>(i)] =
                static_cast<std::int32_t>(*high >= -*low ? high - row.begin() : rotation.cols + (low - row.begin()));
        }
    });
    return done ? buckets : std::vector<std::int32_t>{};
}

GroupedHead tiedLshHead(const Inputs& in, HeadRef head, const Tensor& rotations, Index chunk, const RunContext& context)
{
    GroupedHead grouped = groupedHead(in, head);
    grouped.selfLast = true;
    const Index length = grouped.k.rows;
    struct Owned {
        std::shared_ptr<const void> inputs;
        Tensor keys;
    };
    auto owned = std::make_shared<Owned>(Owned{grouped.owner, Tensor(1, 1, length, grouped.k.cols)});
    const auto keys = owned->keys.matrix();
    Tensor shared(1, 1, length, grouped.k.cols); // what is hashed: not normalised, as its length doesn't matter
    for (Index j = 0; j < length; ++j) {
        const float* from = j >= grouped.offset ? grouped.q.row(j - grouped.offset) : grouped.k.row(j);
        std::copy_n(from, keys.cols, shared.matrix().row(j));
        const double square = std::inner_product(from, from + keys.cols, from, 0.0);
        const auto inverse = static_cast<float>(1.0 / std::max(std::sqrt(square), 1e-12));
        std::transform(from, from + keys.cols, keys.row(j), [inverse](float x) { return x * inverse; });
    }
    std::vector<Order> orders;
    for (Index r = 0; r < rotations.heads(); ++r)
        orders.push_back(sortedByBucket(lshBucketsOf(shared.matrix(), rotations.matrix({0, r}), context)));
    grouped.k = std::as_const(owned->keys).matrix();
    grouped.owner = owned;
    if (context.cancelled())
        return grouped;
    const Index chunks = (length + chunk - 1) / chunk;
    const auto rounds = static_cast<Index>(orders.size());
    for (Index at = 0; at < rounds * chunks; ++at) {
        const Index before = (at + rounds * chunks - 1) % (rounds * chunks);
        const auto own = chunkOf(orders[static_cast<std::size_t>(at / chunks)], at % chunks, chunk);
        AttentionGroup group;
        group.keys = joined(own, chunkOf(orders[static_cast<std::size_t>(before / chunks)], before % chunks, chunk));
        for (const auto place : own)
            if (place >= grouped.offset)
                group.queries.push_back(static_cast<std::int32_t>(place - grouped.offset));
        grouped.groups.push_back(std::move(group));
    }
    return grouped;
}

std::vector<AttentionGroup> separateLshGroups(MatrixView<const float> q, MatrixView<const float> k, const Tensor& rotations, Index chunk,
                                              const RunContext& context)
{
    std::vector<AttentionGroup> groups;
    const Index parts = (k.rows + chunk - 1) / chunk;
    for (Index r = 0; r < rotations.heads() && !context.cancelled(); ++r) {
        const Order queries = sortedByBucket(lshBucketsOf(q, rotations.matrix({0, r}), context));
        const Order keys = sortedByBucket(lshBucketsOf(k, rotations.matrix({0, r}), context));
        if (context.cancelled())
            break;
        for (Index c = 0; c < parts; ++c) {
            const auto own = partOf(queries, c, parts);
            AttentionGroup group{{own.begin(), own.end()}, joined(partOf(keys, c, parts), {})};
            if (parts > 1)
                group.keys = joined(group.keys, partOf(keys, (c + parts - 1) % parts, parts));
            if (!group.queries.empty())
                groups.push_back(std::move(group));
        }
    }
    return groups;
}

} // namespace attnscope
