// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/bucket_causal.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"
#include "core/engine/key_sums.h"
#include "core/engine/rescaling_source.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kMaxSegments = 16;
constexpr Index kMinSegment = 1024;

/// Keys per segment: whole buckets, the same for any number of threads.
Index segmentLength(Index keys, Index bucket)
{
    const Index least = std::max(kMinSegment, (keys + kMaxSegments - 1) / kMaxSegments);
    return (least + bucket - 1) / bucket * bucket;
}

/// The states before each segment, one after the other for each key/value head; none when stopped.
std::optional<std::vector<KernelState>> prefixes(const Inputs& in, const FeatureMap& map, Index length, const RunContext& context)
{
    const Index segments = (in.k.rows() + length - 1) / length;
    const Index units = in.k.batch() * in.k.heads();
    std::vector<KernelState> states(static_cast<std::size_t>(units * segments), KernelState(map.features(), in.v.cols()));
    const bool done = parallelFor(units * segments, 1, context, [&](Index at, Index) {
        const Index segment = at % segments;
        const HeadRef head{at / segments / in.k.heads(), at / segments % in.k.heads()};
        if (segment + 1 < segments) // the part of one segment belongs to the state before the next
            states[static_cast<std::size_t>(at + 1)] =
                sumOfKeys(map, in.k.matrix(head), in.v.matrix(head), segment * length, (segment + 1) * length, context);
    });
    if (!done)
        return std::nullopt;
    for (std::size_t at = 0; at < states.size(); ++at)
        if (at % static_cast<std::size_t>(segments) != 0)
            states[at].merge(states[at - 1]);
    return states;
}

/// Serves the queries of one key/value head, bucket after bucket.
class BucketWalk {
public:
    BucketWalk(const Inputs& in, const FeatureMap& map, HeadRef kvHead, Index bucket, const QuerySink& sink)
        : m_inputs(in),
          m_map(map),
          m_kvHead(kvHead),
          m_bucket(bucket),
          m_sink(sink),
          m_view(map.features(), in.v.cols()),
          m_features(1, 1, kKernelChunk, map.features()),
          m_scaled(1, 1, kKernelChunk, map.features()),
          m_numerators(1, 1, kKernelChunk, in.v.cols()),
          m_denominators(static_cast<std::size_t>(kKernelChunk)),
          m_ownScale(static_cast<std::size_t>(kKernelChunk)),
          m_logScale(static_cast<std::size_t>(kKernelChunk))
    {
    }

    bool walk(Index first, Index last, KernelState state, const RunContext& context)
    {
        const auto k = m_inputs.k.matrix(m_kvHead);
        const auto v = m_inputs.v.matrix(m_kvHead);
        const Index offset = k.rows - m_inputs.q.rows();
        const Index group = m_inputs.q.heads() / m_inputs.k.heads();
        for (Index j = first; j < last; j += m_bucket) {
            if (context.cancelled())
                return false;
            const Index end = std::min(last, j + m_bucket);
            if (end > offset) {
                m_view.assign(state);
                for (Index h = m_kvHead.head * group; h < (m_kvHead.head + 1) * group; ++h)
                    for (Index i = std::max<Index>(0, j - offset); i < end - offset; i += kKernelChunk)
                        answer({m_kvHead.batch, h}, i, std::min(kKernelChunk, end - offset - i));
            }
            if (end < last)
                state.merge(sumOfKeys(m_map, k, v, j, end, context));
        }
        return true;
    }

private:
    void answer(HeadRef head, Index first, Index rows)
    {
        const auto count = static_cast<std::size_t>(rows);
        const FeatureRows queries = FeatureRows{m_features.matrix(), m_ownScale, m_map.logarithmic()}.first(rows);
        m_map.computeAt(Side::Query, first, m_inputs.q.matrix(head).rowRange(first, rows), queries);
        const auto p = m_scaled.matrix().rowRange(0, rows);
        const auto numerators = m_numerators.matrix().rowRange(0, rows);
        scaleQueries(queries, m_view.shift(), p, m_logScale);
        gemmNN(p, m_view.values(), numerators);
        for (Index i = 0; i < rows; ++i)
            m_denominators[static_cast<std::size_t>(i)] = static_cast<double>(dot(p.rowSpan(i), m_view.weights()));
        m_sink({head, first, numerators, std::span(m_denominators).first(count), std::span(m_logScale).first(count)});
    }

    const Inputs& m_inputs;
    const FeatureMap& m_map;
    HeadRef m_kvHead;
    Index m_bucket;
    const QuerySink& m_sink;
    StateView m_view;
    Tensor m_features;
    Tensor m_scaled;
    Tensor m_numerators;
    std::vector<double> m_denominators;
    std::vector<float> m_ownScale;
    std::vector<float> m_logScale;
};

/// Hides the blind spot of a causal source.
class BucketSource final : public ScoreSource {
public:
    BucketSource(std::shared_ptr<const ScoreSource> all, Index offset, Index bucket)
        : m_all(std::move(all)), m_offset(offset), m_bucket(bucket)
    {
    }

    Index rows() const override { return m_all->rows(); }
    Index cols() const override { return m_all->cols(); }
    Provenance provenance() const override { return m_all->provenance(); }
    KeyRange visible(Index row) const override { return m_all->visible(row); }
    bool isZero(Index, Index col0, Index, Index) const override;

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        if (context.cancelled())
            return cancelledError();
        Index first = 0;
        while (first < out.rows && seen(row0 + first) <= col0)
            std::fill_n(out.row(first++), out.cols, 0.0F);
        if (first == out.rows)
            return {};
        const auto rest = out.rowRange(first, out.rows - first);
        if (auto done = m_all->read({row0 + first, col0, rest.rows, rest.cols, 0}, Pool::Mean, rest, context); !done)
            return done;
        for (Index i = 0; i < rest.rows; ++i)
            std::fill(rest.row(i) + std::min(rest.cols, seen(row0 + first + i) - col0), rest.row(i) + rest.cols, 0.0F);
        return {};
    }

private:
    /// Keys that a query sees.
    Index seen(Index row) const { return (row + m_offset) / m_bucket * m_bucket; }

    std::shared_ptr<const ScoreSource> m_all;
    Index m_offset;
    Index m_bucket;
};

bool BucketSource::isZero(Index row0, Index col0, Index rowCount, Index) const
{
    return seen(std::min(row0 + rowCount, rows()) - 1) <= col0;
}

TensorView<const float> oneHead(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

bool fill(FeatureTable& table, const FeatureMap& map, Side side, MatrixView<const float> x, const RunContext& context)
{
    return parallelFor(x.rows, kKernelChunk, context, [&](Index first, Index last) {
        map.computeAt(side, first, x.rowRange(first, last - first), table.rows(first, last - first));
    });
}

} // namespace

bool visitBuckets(const Inputs& in, const FeatureMap& map, Index bucket, const RunContext& context, const QuerySink& sink)
{
    const Index length = segmentLength(in.k.rows(), bucket);
    const Index segments = (in.k.rows() + length - 1) / length;
    const auto starts = prefixes(in, map, length, context);
    if (!starts)
        return false;
    std::atomic<bool> done{true};
    const bool all = parallelFor(static_cast<Index>(starts->size()), 1, context, [&](Index at, Index) {
        const HeadRef head{at / segments / in.k.heads(), at / segments % in.k.heads()};
        const Index first = at % segments * length;
        if (!BucketWalk(in, map, head, bucket, sink)
                 .walk(first, std::min(in.k.rows(), first + length), (*starts)[static_cast<std::size_t>(at)], context))
            done = false;
    });
    return all && done;
}

Result<std::shared_ptr<const ScoreSource>> makeBucketSource(const Inputs& in, HeadRef head, const FeatureMap& map, Index bucket,
                                                            const RunContext& context)
{
    Inputs one{oneHead(in.qOf(head)), oneHead(in.kOf(head)), oneHead(in.vOf(head)), true, in.effectiveScale(), in.owner};
    one.v.shape[3] = 0;
    const Index offset = one.k.rows() - one.q.rows();
    Denominators divisors{std::vector<double>(static_cast<std::size_t>(one.q.rows()), 1.0),
                          std::vector<float>(static_cast<std::size_t>(one.q.rows()), 0.0F)};
    const bool visited = visitBuckets(one, map, bucket, context, [&](const QueryBlock& block) {
        for (std::size_t i = 0; i < block.denominators.size(); ++i) {
            const auto row = static_cast<std::size_t>(block.first) + i;
            if ((block.first + static_cast<Index>(i) + offset) / bucket == 0)
                continue;
            divisors.values[row] = map.divisor(block.denominators[i], static_cast<double>(block.logScale[i]));
            divisors.logScale[row] = block.logScale[i];
        }
    });
    FeatureTable queries(one.q.rows(), map);
    FeatureTable keys(one.k.rows(), map);
    if (!visited || !fill(queries, map, Side::Query, one.q.matrix({}), context) || !fill(keys, map, Side::Key, one.k.matrix({}), context))
        return cancelledError();
    auto all = makeRescalingSource(std::move(queries), std::move(keys), std::move(divisors), offset + 1);
    return std::shared_ptr<const ScoreSource>(std::make_shared<BucketSource>(std::move(all), offset, bucket));
}

} // namespace attnscope
