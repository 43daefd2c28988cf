// SPDX-License-Identifier: GPL-3.0-or-later
// Improved clustered attention: the keys that weigh most for a cluster's centre, worked out for each member.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/clustered_map.h"
#include "core/metrics/top_keys.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace attnscope {

namespace {

constexpr Index kStrip = 32;     // centres whose logits are held at once
constexpr Index kReadRows = 128; // queries read together
constexpr Index kMargin = 8;     // candidates beyond those wanted, against rounding

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// One centre's row of logits, kept as what is needed later.
struct Centre {
    std::vector<Index> top; ///< its largest keys, in order of place
    float max = 0.0F;
    float inverse = 0.0F; ///< 1 / Σ exp(logit - max)
    double topMass = 0.0; ///< weight of the largest keys together
};

/// Overwrites the logits by weights, those of the largest keys by 0; all by 0 where causal, as only the largest keys count then.
Centre settle(const Inputs& in, MatrixView<const float> centre, MatrixView<const float> k, std::span<float> logits, Index top)
{
    Centre result{largestKeys(centre, k, logits, top), rowMax(logits), 0.0F, 1.0};
    if (in.causal) {
        std::fill(logits.begin(), logits.end(), 0.0F);
        return result;
    }
    const double sum = expRow(logits, result.max);
    result.inverse = static_cast<float>(1.0 / sum);
    scaleRow(logits, result.inverse);
    result.topMass = 0.0;
    for (const Index j : result.top) {
        result.topMass += logits[at(j)];
        logits[at(j)] = 0.0F;
    }
    return result;
}

Tensor gathered(MatrixView<const float> x, std::span<const Index> places)
{
    Tensor rows(1, 1, static_cast<Index>(places.size()), x.cols);
    for (Index i = 0; i < rows.rows(); ++i)
        std::copy_n(x.row(places[at(i)]), x.cols, rows.matrix().row(i));
    return rows;
}

/// A member's logits of its centre's largest keys.
struct MemberNorm {
    float max = 0.0F;
    float factor = 0.0F; ///< topMass / Σ exp(logit - max); 0 where it sees none of them
};

/// Overwrites logits [top] by exp(logit - max), by 0 for keys after the query where causal.
MemberNorm exponentiate(const Inputs& in, const Centre& centre, Index query, std::span<float> logits)
{
    const auto seen = std::upper_bound(centre.top.begin(), centre.top.end(), in.mask().visible(query).last - 1) - centre.top.begin();
    std::fill(logits.begin() + seen, logits.end(), -std::numeric_limits<float>::infinity());
    if (seen == 0) {
        std::fill(logits.begin(), logits.end(), 0.0F);
        return {};
    }
    const float max = rowMax(logits);
    return {max, static_cast<float>(centre.topMass / expRow(logits, max))};
}

/// Logits of the centre's largest keys for some queries [count, top].
Tensor topLogits(const Inputs& in, HeadRef head, const Centre& centre, std::span<const Index> queries)
{
    Tensor p(1, 1, static_cast<Index>(queries.size()), static_cast<Index>(centre.top.size()));
    gemmNT(gathered(in.qOf(head), queries).matrix(), gathered(in.kOf(head), centre.top).matrix(), p.matrix(), in.effectiveScale());
    return p;
}

void addMembers(const Inputs& in, HeadRef head, const Centre& centre, std::span<const Index> members, std::span<const float> rest,
                MatrixView<float> out)
{
    const Tensor values = gathered(in.vOf(head), centre.top);
    for (std::size_t first = 0; first < members.size(); first += static_cast<std::size_t>(kReadRows)) {
        const auto some = members.subspan(first, std::min(members.size() - first, static_cast<std::size_t>(kReadRows)));
        Tensor p = topLogits(in, head, centre, some);
        for (Index i = 0; i < p.rows(); ++i)
            scaleRow(p.matrix().rowSpan(i), exponentiate(in, centre, some[at(i)], p.matrix().rowSpan(i)).factor);
        Tensor o(1, 1, p.rows(), out.cols);
        gemmNN(p.matrix(), values.matrix(), o.matrix());
        for (Index i = 0; i < o.rows(); ++i)
            std::transform(rest.begin(), rest.end(), o.matrix().row(i), out.row(some[at(i)]), std::plus<float>());
    }
}

/// Logits of centres [first, first + rows).
void centreLogits(const Inputs& in, HeadRef head, const QueryClusters& groups, Index first, MatrixView<float> out)
{
    gemmNT(groups.centres.matrix().rowRange(first, out.rows), in.kOf(head), out, in.effectiveScale());
}

class ImprovedClusteredSource final : public ScoreSource {
public:
    ImprovedClusteredSource(const Inputs& inputs, HeadRef head, QueryClusters groups)
        : m_inputs(inputs), m_head(head), m_groups(std::move(groups)), m_max(m_groups.of.size()), m_factor(m_groups.of.size())
    {
    }

    bool settleCentres(Index top, const RunContext& context);

    Index rows() const override { return m_inputs.q.rows(); }
    Index cols() const override { return m_inputs.k.rows(); }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return m_inputs.mask().visible(row); }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        const bool done = parallelFor(out.rows, kReadRows, context,
                                      [&](Index first, Index last) { readRows(row0 + first, col0, out.rowRange(first, last - first)); });
        return done ? Result<void>() : Result<void>(cancelledError());
    }

private:
    void readRows(Index row0, Index col0, MatrixView<float> out) const;

    Inputs m_inputs;
    HeadRef m_head;
    QueryClusters m_groups;
    std::vector<Centre> m_centres;
    std::vector<float> m_max;    ///< of each query's logits of its largest keys
    std::vector<float> m_factor; ///< topMass / Σ exp(logit - max)
};

bool ImprovedClusteredSource::settleCentres(Index top, const RunContext& context)
{
    const Index count = m_groups.centres.rows();
    m_centres.resize(at(count));
    return parallelFor(count, 1, context, [&](Index c, Index) {
        Tensor logits(1, 1, 1, cols());
        centreLogits(m_inputs, m_head, m_groups, c, logits.matrix());
        Centre& centre = m_centres[at(c)];
        centre = settle(m_inputs, m_groups.centres.matrix().rowRange(c, 1), m_inputs.kOf(m_head), logits.values(), top);
        const std::vector<Index>& members = m_groups.members[at(c)];
        Tensor p = topLogits(m_inputs, m_head, centre, members);
        for (Index i = 0; i < p.rows(); ++i) {
            const MemberNorm norm = exponentiate(m_inputs, centre, members[at(i)], p.matrix().rowSpan(i));
            m_max[at(members[at(i)])] = norm.max;
            m_factor[at(members[at(i)])] = norm.factor;
        }
    });
}

void ImprovedClusteredSource::readRows(Index row0, Index col0, MatrixView<float> out) const
{
    const auto q = m_inputs.qOf(m_head);
    const auto k = m_inputs.kOf(m_head).rowRange(col0, out.cols);
    std::vector<Index> clusters(m_groups.of.begin() + row0, m_groups.of.begin() + row0 + out.rows);
    Tensor shared(1, 1, out.rows, out.cols);
    gemmNT(gathered(m_groups.centres.matrix(), clusters).matrix(), k, shared.matrix(), m_inputs.effectiveScale());
    gemmNT(q.rowRange(row0, out.rows), k, out, m_inputs.effectiveScale());
    for (Index i = 0; i < out.rows; ++i) {
        const Centre& centre = m_centres[at(clusters[at(i)])];
        const std::span<float> row = shared.matrix().rowSpan(i);
        expRow(row, centre.max);
        scaleRow(row, centre.inverse);
        const auto from = std::lower_bound(centre.top.begin(), centre.top.end(), col0);
        const Index last = std::min(col0 + out.cols, visible(row0 + i).last);
        for (auto j = from; j != centre.top.end() && *j < last; ++j)
            row[at(*j - col0)] = m_factor[at(row0 + i)] * std::exp(out(i, *j - col0) - m_max[at(row0 + i)]);
        std::copy(row.begin(), row.end(), out.row(i));
    }
}

} // namespace

std::vector<Index> largestKeys(MatrixView<const float> centre, MatrixView<const float> k, std::span<const float> logits, Index count)
{
    const Index wanted = std::min(count, k.rows);
    TopKeys candidates(at(std::min(wanted + kMargin, k.rows)));
    std::vector<std::pair<double, Index>> ranked;
    for (const Index j : candidates.select(logits)) {
        double logit = 0.0;
        for (Index c = 0; c < k.cols; ++c)
            logit += static_cast<double>(centre(0, c)) * k(j, c);
        ranked.emplace_back(-logit, j);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<Index> keys;
    std::transform(ranked.begin(), ranked.begin() + wanted, std::back_inserter(keys), [](const auto& entry) { return entry.second; });
    std::sort(keys.begin(), keys.end());
    return keys;
}

bool attendImproved(const Inputs& in, HeadRef head, const QueryClusters& groups, Index top, MatrixView<float> out,
                    const RunContext& context)
{
    const Index count = groups.centres.rows();
    Tensor logits(1, 1, std::min(kStrip, count), in.k.rows());
    for (Index first = 0; first < count && !context.cancelled(); first += kStrip) {
        const Index rows = std::min(kStrip, count - first);
        const MatrixView<float> weights = logits.matrix().rowRange(0, rows);
        centreLogits(in, head, groups, first, weights);
        std::vector<Centre> centres;
        for (Index c = 0; c < rows; ++c)
            centres.push_back(settle(in, groups.centres.matrix().rowRange(first + c, 1), in.kOf(head), weights.rowSpan(c), top));
        Tensor rest(1, 1, rows, out.cols);
        gemmNN(weights, in.vOf(head), rest.matrix());
        for (Index c = 0; c < rows; ++c)
            addMembers(in, head, centres[at(c)], groups.members[at(first + c)], rest.matrix().rowSpan(c), out);
    }
    return !context.cancelled();
}

Result<Tensor> runImprovedClustered(const Inputs& in, const ClusterOptions& options, Index top, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) {
        const HeadRef head{h / s.heads, h % s.heads};
        attendImproved(in, head, clusterQueries(in.qOf(head), options), top, out.matrix(head), context);
    });
    if (!done)
        return cancelledError();
    return out;
}

Result<std::shared_ptr<const ScoreSource>> makeImprovedClusteredSource(const Inputs& inputs, HeadRef head, const ClusterOptions& options,
                                                                       Index top, const RunContext& context)
{
    auto source = std::make_shared<ImprovedClusteredSource>(inputs, head, clusterQueries(inputs.qOf(head), options));
    if (!source->settleCentres(top, context))
        return cancelledError();
    return std::shared_ptr<const ScoreSource>(std::move(source));
}

} // namespace attnscope
