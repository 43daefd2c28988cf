// SPDX-License-Identifier: GPL-3.0-or-later
// The map of grouped attention: cells are found through the groups of each row, so that reading costs what is in it.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/scratch.h"
#include "core/engine/group_logits.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace attnscope {

namespace {

/// Cells of some rows, in no order; a cell may occur more than once and then counts as the sum.
using RowCells = std::vector<std::pair<std::int32_t, float>>;

class GroupedSource final : public ScoreSource {
public:
    explicit GroupedSource(GroupedHead head) : m_head(std::move(head)), m_all(indexAnswers(m_head)) {}

    bool computeAnswers(const RunContext& context);

    Index rows() const override { return m_head.q.rows; }
    Index cols() const override { return m_head.k.rows; }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return {0, m_head.causal ? std::min(cols(), row + 1 + m_head.offset) : cols()}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override;
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override;

private:
    void collect(Index row0, Index col0, Index colEnd, std::span<RowCells> rows) const;
    void collectGroup(std::size_t group, std::span<const std::uint32_t> answers, Index row0, Index col0, Index colEnd,
                      std::span<RowCells> rows) const;

    GroupedHead m_head;
    GroupAnswers m_all;
};

bool GroupedSource::computeAnswers(const RunContext& context)
{
    std::vector<double> sums(m_all.answers.size());
    const bool done = parallelFor(static_cast<Index>(m_head.groups.size()), 1, context, [&](Index g, Index) {
        thread_local Scratch scratch;
        const AttentionGroup& group = m_head.groups[static_cast<std::size_t>(g)];
        const auto cols = static_cast<Index>(group.keys.size());
        for (std::size_t i = 0; cols > 0 && i < group.queries.size(); i += kGroupQueries) {
            const auto queries = std::span(group.queries).subspan(i, std::min<std::size_t>(kGroupQueries, group.queries.size() - i));
            const MatrixView<float> p{scratch.floats(static_cast<Index>(queries.size()) * cols), static_cast<Index>(queries.size()), cols,
                                      cols};
            groupLogits(m_head, queries, group.keys, p);
            for (std::size_t r = 0; r < queries.size(); ++r) {
                const auto row = p.rowSpan(static_cast<Index>(r));
                const std::size_t answer = m_all.groupStart[static_cast<std::size_t>(g)] + i + r;
                m_all.answers[answer].max = rowMax(row);
                sums[answer] = std::isinf(m_all.answers[answer].max) ? 0.0 : expRow(row, m_all.answers[answer].max);
            }
        }
    });
    if (done)
        shareAnswers(m_head, sums, m_all);
    return done;
}

void GroupedSource::collectGroup(std::size_t g, std::span<const std::uint32_t> answers, Index row0, Index col0, Index colEnd,
                                 std::span<RowCells> rows) const
{
    thread_local Scratch scratch;
    const AttentionGroup& group = m_head.groups[g];
    const auto first = std::lower_bound(group.keys.begin(), group.keys.end(), col0);
    const auto last = std::lower_bound(first, group.keys.end(), colEnd);
    const std::span<const std::int32_t> keys(first, last);
    if (keys.empty())
        return;
    std::vector<std::int32_t> queries;
    for (const auto a : answers)
        queries.push_back(group.queries[a - m_all.groupStart[g]]);
    const auto cols = static_cast<Index>(keys.size());
    const MatrixView<float> p{scratch.floats(static_cast<Index>(queries.size()) * cols), static_cast<Index>(queries.size()), cols, cols};
    groupLogits(m_head, queries, keys, p);
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const GroupAnswer& answer = m_all.answers[answers[i]];
        if (answer.factor == 0.0F)
            continue;
        const auto row = p.rowSpan(static_cast<Index>(i));
        expRow(row, answer.max);
        auto& cells = rows[static_cast<std::size_t>(queries[i] - row0)];
        for (std::size_t j = 0; j < keys.size(); ++j)
            if (row[j] != 0.0F)
                cells.emplace_back(keys[j], row[j] * answer.factor);
    }
}

void GroupedSource::collect(Index row0, Index col0, Index colEnd, std::span<RowCells> rows) const
{
    for (auto& row : rows)
        row.clear();
    // The rows' answers, group by group.
    std::vector<std::uint32_t> answers(
        m_all.ofQuery.begin() + static_cast<std::ptrdiff_t>(m_all.queryStart[static_cast<std::size_t>(row0)]),
        m_all.ofQuery.begin() + static_cast<std::ptrdiff_t>(m_all.queryStart[static_cast<std::size_t>(row0) + rows.size()]));
    std::sort(answers.begin(), answers.end());
    for (std::size_t at = 0; at < answers.size();) {
        const std::size_t group = m_all.groupOfAnswer[answers[at]];
        std::size_t end = at + 1;
        while (end < answers.size() && m_all.groupOfAnswer[answers[end]] == group)
            ++end;
        collectGroup(group, std::span(answers).subspan(at, end - at), row0, col0, colEnd, rows);
        at = end;
    }
}

Result<void> GroupedSource::readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const
{
    const bool done = parallelFor(out.rows, kGroupQueries, context, [&](Index first, Index last) {
        thread_local std::vector<RowCells> cells(static_cast<std::size_t>(kGroupQueries));
        const auto rows = std::span(cells).first(static_cast<std::size_t>(last - first));
        collect(row0 + first, col0, col0 + out.cols, rows);
        for (Index i = first; i < last; ++i) {
            std::fill_n(out.row(i), out.cols, 0.0F);
            for (const auto& [key, weight] : rows[static_cast<std::size_t>(i - first)])
                out(i, key - col0) += weight;
        }
    });
    return done ? Result<void>() : Result<void>(cancelledError());
}

/// Pools non-negative cells of which most are 0 and not given.
class SparsePool {
public:
    SparsePool(MatrixView<float> out, Index outRow, Pool pool)
        : m_out(out), m_row(outRow), m_pool(pool), m_sums(size()), m_max(size()), m_count(size()), m_min(size())
    {
    }

    void add(Index outCol, float weight)
    {
        const auto c = static_cast<std::size_t>(outCol);
        m_sums[c] += static_cast<double>(weight);
        m_max[c] = std::max(m_max[c], weight);
        m_min[c] = m_count[c] == 0 ? weight : std::min(m_min[c], weight);
        ++m_count[c];
    }
    void finish(Index outCol, Index area)
    {
        const auto c = static_cast<std::size_t>(outCol);
        if (m_pool == Pool::Mean)
            m_out(m_row, outCol) = static_cast<float>(m_sums[c] / static_cast<double>(area));
        else if (m_pool == Pool::Min)
            m_out(m_row, outCol) = m_count[c] == area ? m_min[c] : 0.0F;
        else
            m_out(m_row, outCol) = m_max[c];
    }

private:
    std::size_t size() const { return static_cast<std::size_t>(m_out.cols); }

    MatrixView<float> m_out;
    Index m_row;
    Pool m_pool;
    std::vector<double> m_sums;
    std::vector<float> m_max;
    std::vector<Index> m_count;
    std::vector<float> m_min;
};

Result<void> GroupedSource::readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    const Index col0 = block.col0 << block.level;
    const Index colEnd = std::min(cols(), (block.col0 + block.cols) << block.level);
    const bool done = parallelFor(block.rows, 1, context, [&](Index r, Index) {
        thread_local std::vector<RowCells> cells(static_cast<std::size_t>(kGroupQueries));
        std::vector<float> dense(static_cast<std::size_t>(colEnd - col0), 0.0F); // a row, to add up what occurs twice
        SparsePool pooled(out, r, pool);
        const Index rowFirst = (block.row0 + r) << block.level;
        const Index rowEnd = std::min(rows(), (block.row0 + r + 1) << block.level);
        for (Index i = rowFirst; i < rowEnd && !context.cancelled(); i += kGroupQueries) {
            const auto some = std::span(cells).first(static_cast<std::size_t>(std::min(kGroupQueries, rowEnd - i)));
            collect(i, col0, colEnd, some);
            for (auto& row : some) {
                for (const auto& [key, weight] : row)
                    dense[static_cast<std::size_t>(key - col0)] += weight;
                for (const auto& [key, weight] : row)
                    if (float& cell = dense[static_cast<std::size_t>(key - col0)]; cell != 0.0F)
                        pooled.add((key - col0) >> block.level, std::exchange(cell, 0.0F));
            }
        }
        for (Index c = 0; c < block.cols; ++c)
            pooled.finish(c, (rowEnd - rowFirst) * (std::min(colEnd, col0 + ((c + 1) << block.level)) - (col0 + (c << block.level))));
    });
    return done ? Result<void>() : Result<void>(cancelledError());
}

} // namespace

Result<std::shared_ptr<const ScoreSource>> makeGroupedSource(GroupedHead head, const RunContext& context)
{
    auto source = std::make_shared<GroupedSource>(std::move(head));
    if (!source->computeAnswers(context))
        return cancelledError();
    return std::shared_ptr<const ScoreSource>(std::move(source));
}

} // namespace attnscope
