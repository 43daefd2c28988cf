// SPDX-License-Identifier: GPL-3.0-or-later
// The uniform map: every visible key gets the same weight. An approximation that is no better than this has learned nothing.
#include "core/base/parallel.h"
#include "core/method/attention_method.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <vector>

namespace attnscope::methods {

namespace {

class UniformSource final : public ScoreSource {
public:
    UniformSource(Index rows, Index cols, Index firstVisible) : m_rows(rows), m_cols(cols), m_firstVisible(firstVisible) {}

    Index rows() const override { return m_rows; }
    Index cols() const override { return m_cols; }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return {0, std::min(m_cols, m_firstVisible + row)}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        if (context.cancelled())
            return cancelledError();
        for (Index i = 0; i < out.rows; ++i) {
            const Index last = visible(row0 + i).last;
            const Index count = std::clamp<Index>(last - col0, 0, out.cols);
            std::fill_n(out.row(i), count, 1.0F / static_cast<float>(last));
            std::fill(out.row(i) + count, out.row(i) + out.cols, 0.0F);
        }
        return {};
    }
    /// In closed form, each row of a block contributing at once.
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override
    {
        const bool done = parallelFor(block.rows, 8, context, [&](Index first, Index last) {
            for (Index r = first; r < last; ++r)
                for (Index c = 0; c < block.cols; ++c)
                    out(r, c) = pooled((block.row0 + r) << block.level, std::min(m_rows, (block.row0 + r + 1) << block.level),
                                       (block.col0 + c) << block.level, std::min(m_cols, (block.col0 + c + 1) << block.level), pool);
        });
        return done ? Result<void>() : Result<void>(cancelledError());
    }

private:
    float pooled(Index rowFirst, Index rowLast, Index colFirst, Index colLast, Pool pool) const
    {
        if (visible(rowLast - 1).last <= colFirst)
            return 0.0F;
        // Weights shrink from row to row: the first row that sees the block has the largest, the last row the smallest.
        if (pool == Pool::Min)
            return visible(rowFirst).last < colLast ? 0.0F : 1.0F / static_cast<float>(visible(rowLast - 1).last);
        const Index firstSeeing = std::max(rowFirst, colFirst + 1 - m_firstVisible);
        if (pool != Pool::Mean)
            return 1.0F / static_cast<float>(visible(firstSeeing).last);
        double sum = 0.0;
        for (Index i = firstSeeing; i < rowLast; ++i)
            sum += static_cast<double>(std::min(colLast, visible(i).last) - colFirst) / static_cast<double>(visible(i).last);
        return static_cast<float>(sum / (static_cast<double>(rowLast - rowFirst) * static_cast<double>(colLast - colFirst)));
    }

    Index m_rows;
    Index m_cols;
    Index m_firstVisible;
};

/// Row i of the output is the mean of the first visible(i) values: one running sum.
void averagePrefixes(MatrixView<const float> v, Index firstVisible, MatrixView<float> out)
{
    std::vector<double> sum(static_cast<std::size_t>(v.cols), 0.0);
    Index seen = 0;
    for (Index i = 0; i < out.rows; ++i) {
        for (const Index visible = std::min(v.rows, firstVisible + i); seen < visible; ++seen)
            for (Index c = 0; c < v.cols; ++c)
                sum[static_cast<std::size_t>(c)] += v(seen, c);
        std::transform(sum.begin(), sum.end(), out.row(i), [n = static_cast<double>(seen)](double x) { return static_cast<float>(x / n); });
    }
}

class Uniform final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params&, bool) const override
    {
        const auto heads = static_cast<double>(s.batch * s.heads);
        const double output = 4.0 * heads * static_cast<double>(s.queries * s.valueDim);
        const double values = heads * static_cast<double>(s.keys * s.valueDim);
        return {values + output / 4.0, 4.0 * values + output, output};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        const Shape s = in.shape();
        Tensor out(s.batch, s.heads, s.queries, s.valueDim);
        const bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) {
            const HeadRef head{h / s.heads, h % s.heads};
            averagePrefixes(in.vOf(head), visibleKeys(in, 0), out.matrix(head));
        });
        if (!done)
            return cancelledError();
        return out;
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        if (context.cancelled())
            return cancelledError();
        return std::shared_ptr<const ScoreSource>(std::make_shared<UniformSource>(in.q.rows(), in.k.rows(), visibleKeys(in, 0)));
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef, const Params&) const override
    {
        DefinedMap map(in.q.rows(), in.k.rows());
        for (Index i = 0; i < map.rows; ++i)
            for (Index j = 0; j < visibleKeys(in, i); ++j)
                map.at(i, j) = 1.0 / static_cast<double>(visibleKeys(in, i));
        return map;
    }
    Index rankBound(const Shape&, const Params&) const override { return 1; }
};

const MethodInfo& Uniform::info() const
{
    static const MethodInfo info{
        .id = "uniform",
        .title = "Uniform",
        .family = "reference",
        .summary = "Every visible key gets the same weight, whatever the queries and keys are: the line below which an approximation of "
                   "the map is worth nothing.",
        .formula = "Aᵢⱼ = 1/n;  causal: 1/(i + 1) for j ≤ i",
        .reference = "The limit of softmax attention at zero scale; no publication",
        .timeGrowth = "n d",
        .memoryGrowth = "n d",
        .supportsCausal = true,
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> uniform() { return std::make_unique<Uniform>(); }

} // namespace attnscope::methods
