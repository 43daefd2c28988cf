// SPDX-License-Identifier: GPL-3.0-or-later
// The uniform map: every visible key gets the same weight. An approximation that is no better than this has learned nothing.
#include "core/base/parallel.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <vector>

namespace attnscope::methods {

namespace {

class UniformSource final : public ScoreSource {
public:
    explicit UniformSource(const KeyMask& mask) : m_mask(mask) {}

    Index rows() const override { return m_mask.queries; }
    Index cols() const override { return m_mask.keys; }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return m_mask.visible(row); }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        if (context.cancelled())
            return cancelledError();
        for (Index i = 0; i < out.rows; ++i) {
            const KeyRange seen = visible(row0 + i);
            const Index from = std::clamp<Index>(seen.first - col0, 0, out.cols);
            const Index to = std::clamp<Index>(seen.last - col0, from, out.cols);
            std::fill_n(out.row(i), out.cols, 0.0F);
            std::fill(out.row(i) + from, out.row(i) + to, 1.0F / static_cast<float>(seen.size()));
        }
        return {};
    }
    /// In closed form, each row of a block contributing at once.
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override
    {
        const bool done = parallelFor(block.rows, 8, context, [&](Index first, Index last) {
            for (Index r = first; r < last; ++r)
                for (Index c = 0; c < block.cols; ++c)
                    out(r, c) = pooled((block.row0 + r) << block.level, std::min(rows(), (block.row0 + r + 1) << block.level),
                                       (block.col0 + c) << block.level, std::min(cols(), (block.col0 + c + 1) << block.level), pool);
        });
        return done ? Result<void>() : Result<void>(cancelledError());
    }

private:
    float pooled(Index rowFirst, Index rowLast, Index colFirst, Index colLast, Pool pool) const
    {
        double sum = 0.0;
        float largest = 0.0F;
        float smallest = 1.0F;
        for (Index i = rowFirst; i < rowLast; ++i) {
            const KeyRange seen = visible(i);
            const Index met = std::max<Index>(0, std::min(colLast, seen.last) - std::max(colFirst, seen.first));
            const float weight = 1.0F / static_cast<float>(seen.size());
            sum += static_cast<double>(met) * weight;
            largest = met > 0 ? std::max(largest, weight) : largest;
            smallest = std::min(smallest, met < colLast - colFirst ? 0.0F : weight);
        }
        if (pool == Pool::Mean)
            return static_cast<float>(sum / (static_cast<double>(rowLast - rowFirst) * static_cast<double>(colLast - colFirst)));
        return pool == Pool::Min ? smallest : largest;
    }

    KeyMask m_mask;
};

/// Row i of the output is the mean of the values that it sees: one running sum, as neither end goes back.
void averageSeen(MatrixView<const float> v, const KeyMask& mask, MatrixView<float> out)
{
    std::vector<double> sum(static_cast<std::size_t>(v.cols), 0.0);
    KeyRange summed;
    for (Index i = 0; i < out.rows; ++i) {
        const KeyRange seen = mask.visible(i);
        for (; summed.last < seen.last; ++summed.last)
            for (Index c = 0; c < v.cols; ++c)
                sum[static_cast<std::size_t>(c)] += v(summed.last, c);
        for (; summed.first < seen.first; ++summed.first)
            for (Index c = 0; c < v.cols; ++c)
                sum[static_cast<std::size_t>(c)] -= v(summed.first, c);
        std::transform(sum.begin(), sum.end(), out.row(i),
                       [n = static_cast<double>(seen.size())](double x) { return static_cast<float>(x / n); });
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
            averageSeen(in.vOf(head), in.mask(), out.matrix(head));
        });
        if (!done)
            return cancelledError();
        return out;
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        if (context.cancelled())
            return cancelledError();
        return std::shared_ptr<const ScoreSource>(std::make_shared<UniformSource>(in.mask()));
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef, const Params&) const override
    {
        DefinedMap map(in.q.rows(), in.k.rows());
        for (Index i = 0; i < map.rows; ++i) {
            const KeyRange seen = in.mask().visible(i);
            for (Index j = seen.first; j < seen.last; ++j)
                map.at(i, j) = 1.0 / static_cast<double>(seen.size());
        }
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
        .assumes = "Nothing: neither queries nor keys are looked at.",
        .loses = "All that attention selects.",
        .reference = "The limit of softmax attention at zero scale; no publication",
        .timeGrowth = "n d",
        .memoryGrowth = "n d",
        .supportsCausal = true,
        .supportsWindow = true,
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> uniform() { return std::make_unique<Uniform>(); }

} // namespace attnscope::methods
