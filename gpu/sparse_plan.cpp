// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/sparse_plan.h"

#include <algorithm>

namespace attnscope {

namespace {

using kernels::kSparseQueries;
using kernels::SparseTile;

constexpr Index kFarthest = 1 << 30; // beyond every key, and its sums stay in range
constexpr Index kLeastKeys = 1024;   // of a cut tile: its answers cost less than its products
constexpr Index kTilesPerProcessor = 8;

int number(Index x) { return static_cast<int>(std::clamp(x, -kFarthest, kFarthest)); }

/// Where the queries [row, last) begin to differ from the first one in whether they are global.
Index endOfKind(const KeySupport& support, Index row, Index last)
{
    for (Index i = row; i < last; ++i)
        if (support.isGlobal(i) != support.isGlobal(row))
            return i;
    return last;
}

/// Queries [row, row + rows), all global or none.
SparseTile bandTile(const KeySupport& support, Index row, Index rows)
{
    const Index last = row + rows - 1;
    const Index begin = support.begin(row);
    const Index end = std::max(begin, support.end(last));
    const Index globalFirst = std::min(support.floor(row), begin);
    const Index globalLast = std::clamp(support.globals, globalFirst, begin);
    const bool gap = globalLast > globalFirst && globalLast < begin;
    SparseTile tile;
    tile.row = number(row);
    tile.rows = number(rows);
    tile.first = number(globalLast > globalFirst ? globalFirst : begin);
    tile.to = number(end - begin + globalLast - globalFirst);
    if (gap) {
        tile.jump = number(globalLast - globalFirst);
        tile.leap = number(begin - globalLast);
    }
    return tile;
}

} // namespace

void SparsePlan::balance(Index queriesOfHead, int processors)
{
    Index all = 0;
    for (const auto& tile : tiles) {
        all += tile.to;
        pairs += static_cast<double>(tile.rows) * tile.to;
    }
    const Index most = std::max(kLeastKeys, all / (kTilesPerProcessor * std::max(1, processors))) / span * span;
    if (most == 0) // one block of keys is longer
        return;
    std::vector<SparseTile> cut;
    cut.reserve(tiles.size());
    for (const auto& tile : tiles) {
        const Index parts = (tile.to + most - 1) / most;
        if (parts <= 1) {
            cut.push_back(tile);
            continue;
        }
        for (Index p = 0; p < parts; ++p) {
            cut.push_back(tile);
            cut.back().from = number(p * most);
            cut.back().to = number(std::min<Index>(tile.to, (p + 1) * most));
            cut.back().answer = static_cast<int>(answers + p * tile.rows);
        }
        for (Index i = 0; i < tile.rows; ++i) {
            for (Index p = 0; p < parts; ++p)
                list.push_back(answers + p * tile.rows + i);
            queries.push_back(tile.head * queriesOfHead + tile.row + i);
            starts.push_back(static_cast<Index>(list.size()));
        }
        answers += parts * tile.rows;
    }
    tiles = std::move(cut);
}

SparsePlan planSupport(const Shape& s, const KeySupport& support, int processors)
{
    SparsePlan plan;
    plan.mask = {number(support.offset),
                 number(support.before),
                 number(support.after),
                 number(support.globals),
                 number(support.globalAfter),
                 number(support.reach),
                 false};
    for (Index row = 0, next = 0; row < s.queries; row = next) {
        next = endOfKind(support, row, std::min(s.queries, row + kSparseQueries));
        plan.tiles.push_back(bandTile(support, row, next - row));
    }
    const auto ofHead = plan.tiles;
    for (Index h = 1; h < s.batch * s.heads; ++h)
        for (SparseTile tile : ofHead) {
            tile.head = static_cast<int>(h);
            plan.tiles.push_back(tile);
        }
    plan.balance(s.queries, processors);
    return plan;
}

SparsePlan planBlocks(const Shape& s, HeadRef first, const BlockPattern& pattern, int processors)
{
    SparsePlan plan;
    plan.span = static_cast<int>(pattern.size);
    plan.mask = {0, number(kFarthest), number(kFarthest), 0, 0, number(kFarthest), false};
    const Index offset = s.keys - s.queries;
    for (Index h = 0; h < s.batch * s.heads; ++h)
        for (Index block = offset / pattern.size; block < pattern.blocks(); ++block) {
            const auto seen = pattern.seen(block, {first.batch + h / s.heads, first.head + h % s.heads});
            const Index last = std::min(pattern.keys, (block + 1) * pattern.size) - offset;
            SparseTile tile;
            tile.head = static_cast<int>(h);
            tile.list = static_cast<Index>(plan.keys.size());
            // The last block of keys, which may be shorter, ends every list.
            tile.to = number(static_cast<Index>(seen.size()) * pattern.size - (pattern.blocks() * pattern.size - pattern.keys));
            plan.keys.insert(plan.keys.end(), seen.begin(), seen.end());
            for (Index row = std::max<Index>(0, block * pattern.size - offset); row < last; row += kSparseQueries) {
                tile.row = number(row);
                tile.rows = number(std::min<Index>(kSparseQueries, last - row));
                plan.tiles.push_back(tile);
            }
        }
    plan.balance(s.queries, processors);
    return plan;
}

} // namespace attnscope
