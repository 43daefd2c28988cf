// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/plain_kernel.h"

#include "core/base/parallel.h"
#include "core/compute/plain_products.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kSegment = 512; // tokens that are summed up in float32
constexpr Index kChunks = kSegment / kPlainChunk;
constexpr Index kSegmentsPerThread = 2; // of a wave
constexpr Index kFewFeatures = 64;      // up to these, 64 rows of features and the sums share the first cache level
constexpr Index kQueryRows = 512;       // of a task
constexpr Index kMostParts = 16;        // sums of keys that are held at once for each head

/// The rows from `at` on, at most `count` and none from `last` on.
MatrixView<const float> rowsAt(MatrixView<const float> x, Index at, Index last, Index count)
{
    return at < last ? x.rowRange(at, std::min(count, last - at)) : MatrixView<const float>{};
}

MatrixView<const float> chunkAt(MatrixView<const float> x, Index at, Index last) { return rowsAt(x, at, last, kPlainChunk); }

/// float64 sums over keys.
struct WideSums {
    std::vector<double> values;

    explicit WideSums(Index size) : values(static_cast<std::size_t>(size), 0.0) {}
    void add(const PlainSums& sums)
    {
        std::transform(values.begin(), values.end(), sums.data, values.begin(),
                       [](double a, float b) { return a + static_cast<double>(b); });
    }
    void round(const PlainSums& sums) const
    {
        std::transform(values.begin(), values.end(), sums.data, [](double x) { return static_cast<float>(x); });
    }
};

/// What the walks of one call share.
class PlainKernel {
public:
    PlainKernel(const Inputs& in, const FeatureMap& map, const RunContext& context, TensorView<float> out)
        : m_in(in),
          m_map(map),
          m_context(context),
          m_out(out),
          m_features(map.features()),
          m_stride(plainStride(in.v.cols())),
          m_rows(m_features <= kFewFeatures ? 64 : 128),
          m_units(in.k.batch() * in.k.heads())
    {
    }

    PlainRun run()
    {
        const bool done = m_in.causal ? runCausal() : runBidirectional();
        return !m_plain ? PlainRun::NotPlain : done && !m_context.cancelled() ? PlainRun::Done : PlainRun::Stopped;
    }

private:
    struct Wave;

    bool goesOn() const { return m_plain && !m_context.cancelled(); }
    HeadRef kvHeadOf(Index unit) const { return {unit / m_in.k.heads(), unit % m_in.k.heads()}; }
    PlainSums sumsAt(float* data) const { return {data, m_features, m_stride}; }
    Index size() const { return m_features * (m_stride + 1); }
    void compute(Side side, MatrixView<const float> x, MatrixView<float> phi)
    {
        if (!m_map.computePlain(side, x, phi))
            m_plain = false;
    }

    void sumKeys(HeadRef kvHead, Index first, Index last, WideSums& total);
    std::vector<WideSums> totals(Index last, const RunContext& context);
    bool runBidirectional();
    bool runCausal();
    bool walk(Index unit, WideSums prefix, const RunContext& context);
    void sumSegment(Wave& wave, Index s);
    void answerSegment(const Wave& wave, Index s);

    const Inputs& m_in;
    const FeatureMap& m_map;
    const RunContext& m_context;
    TensorView<float> m_out;
    Index m_features;
    Index m_stride;
    Index m_rows; ///< at a time, where they don't meet each other
    Index m_units;
    std::atomic<bool> m_plain{true};
};

/// Segments of keys and what their queries need of them.
struct PlainKernel::Wave {
    HeadRef kvHead;
    Index first = 0; ///< key
    Index last = 0;
    float* phi = nullptr;    ///< [segments, kSegment, features]
    float* chunks = nullptr; ///< [segments, kChunks, size]: the segment's sums before chunk 1, 2, ... and after all
    float* starts = nullptr; ///< [segments, size]: all sums before the segment

    Index segments() const { return (last - first + kSegment - 1) / kSegment; }
    Index begin(Index s) const { return first + s * kSegment; }
    Index end(Index s) const { return std::min(last, begin(s) + kSegment); }
};

void PlainKernel::sumKeys(HeadRef kvHead, Index first, Index last, WideSums& total)
{
    thread_local Scratch features;
    thread_local Scratch memory;
    thread_local PlainChunk chunk;
    const auto k = m_in.k.matrix(kvHead);
    const auto v = m_in.v.matrix(kvHead);
    const PlainSums sums = sumsAt(memory.floats(size()));
    float* const room = features.floats(m_rows * m_features);
    for (Index segment = first; segment < last && goesOn(); segment += kSegment) {
        std::fill_n(sums.data, size(), 0.0F);
        const Index end = std::min(last, segment + kSegment);
        for (Index j = segment; j < end; j += m_rows) {
            const auto x = rowsAt(k, j, end, m_rows);
            const MatrixView<float> phi{room, x.rows, m_features, m_features};
            compute(Side::Key, x, phi);
            chunk.assign(phi, rowsAt(v, j, end, m_rows), false);
            addPlainKeys(chunk, sums, rowsAt(v, j + m_rows, last, m_rows));
        }
        total.add(sums);
    }
}

/// The sums of the keys [0, last) of each key/value head.
std::vector<WideSums> PlainKernel::totals(Index last, const RunContext& context)
{
    const Index segments = (last + kSegment - 1) / kSegment;
    const Index step = kSegment * std::max<Index>(2, (segments + kMostParts - 1) / kMostParts);
    const Index parts = (last + step - 1) / step;
    std::vector<WideSums> sums(static_cast<std::size_t>(m_units * parts), WideSums(size()));
    parallelFor(m_units * parts, 1, context, [&](Index at, Index) {
        const Index first = at % parts * step;
        sumKeys(kvHeadOf(at / parts), first, std::min(last, first + step), sums[static_cast<std::size_t>(at)]);
    });
    std::vector<WideSums> totals(static_cast<std::size_t>(m_units), WideSums(size()));
    for (std::size_t at = 0; at < sums.size(); ++at) {
        auto& total = totals[at / static_cast<std::size_t>(parts)].values;
        std::transform(total.begin(), total.end(), sums[at].values.begin(), total.begin(), std::plus<>());
    }
    return totals;
}

bool PlainKernel::runBidirectional()
{
    const auto all = totals(m_in.k.rows(), m_context);
    Tensor rounded(1, 1, m_units, size());
    for (Index unit = 0; unit < m_units; ++unit)
        all[static_cast<std::size_t>(unit)].round(sumsAt(rounded.matrix().row(unit)));
    const Index blocks = (m_in.q.rows() + kQueryRows - 1) / kQueryRows;
    return goesOn() && parallelFor(m_in.q.batch() * m_in.q.heads() * blocks, 1, m_context, [&](Index at, Index) {
               thread_local Scratch features;
               thread_local Scratch memory;
               const HeadRef head{at / blocks / m_in.q.heads(), at / blocks % m_in.q.heads()};
               const HeadRef kv = m_in.kvHead(head);
               const PlainSums sums = sumsAt(memory.floats(size()));
               std::copy_n(rounded.matrix().row(kv.batch * m_in.k.heads() + kv.head), size(), sums.data);
               const auto q = m_in.qOf(head);
               const Index first = at % blocks * kQueryRows;
               const Index last = std::min(q.rows, first + kQueryRows);
               float* const room = features.floats(m_rows * m_features);
               for (Index i = first; i < last && goesOn(); i += m_rows) {
                   const auto x = rowsAt(q, i, last, m_rows);
                   const MatrixView<float> phi{room, x.rows, m_features, m_features};
                   compute(Side::Query, x, phi);
                   answerPlainQueries(phi, sums, nullptr, m_out.matrix(head).rowRange(i, phi.rows));
               }
           });
}

void PlainKernel::sumSegment(Wave& wave, Index s)
{
    thread_local PlainChunk chunk;
    const auto k = m_in.k.matrix(wave.kvHead);
    const auto v = m_in.v.matrix(wave.kvHead);
    float* at = wave.chunks + s * kChunks * size();
    std::fill_n(at, size(), 0.0F);
    const Index end = wave.end(s);
    for (Index j = wave.begin(s); j < end && goesOn(); j += kPlainChunk) {
        const MatrixView<float> phi{wave.phi + (j - wave.first) * m_features, std::min(kPlainChunk, end - j), m_features, m_features};
        compute(Side::Key, chunkAt(k, j, end), phi);
        chunk.assign(phi, chunkAt(v, j, end), false);
        if (j > wave.begin(s)) {
            std::copy_n(at, size(), at + size());
            at += size();
        }
        addPlainKeys(chunk, sumsAt(at), chunkAt(v, j + kPlainChunk, wave.last));
    }
}

void PlainKernel::answerSegment(const Wave& wave, Index s)
{
    thread_local Scratch features;
    thread_local Scratch memory;
    thread_local PlainChunk chunk;
    const Index offset = m_in.k.rows() - m_in.q.rows();
    const Index group = m_in.q.heads() / m_in.k.heads();
    const auto v = m_in.v.matrix(wave.kvHead);
    const PlainSums start = sumsAt(wave.starts + s * size());
    const PlainSums both = sumsAt(memory.floats(size()));
    float* const room = features.floats(kPlainChunk * m_features);
    const Index end = wave.end(s);
    for (Index j = wave.begin(s); j < end && goesOn(); j += kPlainChunk) {
        const Index rows = std::min(kPlainChunk, end - j);
        const Index c = (j - wave.begin(s)) / kPlainChunk;
        chunk.assign({wave.phi + (j - wave.first) * m_features, rows, m_features, m_features}, chunkAt(v, j, end), true);
        if (c > 0)
            addPlainSums(start, sumsAt(wave.chunks + (s * kChunks + c - 1) * size()), both);
        for (Index h = wave.kvHead.head * group; h < (wave.kvHead.head + 1) * group; ++h) {
            const HeadRef head{wave.kvHead.batch, h};
            const auto q = m_in.qOf(head).rowRange(0, wave.last - offset);
            const MatrixView<float> phi{room, rows, m_features, m_features};
            compute(Side::Query, q.rowRange(j - offset, rows), phi);
            answerPlainQueries(phi, c > 0 ? both : start, &chunk, m_out.matrix(head).rowRange(j - offset, rows));
        }
    }
}

/// The keys of one head that have queries, wave after wave.
bool PlainKernel::walk(Index unit, WideSums prefix, const RunContext& context)
{
    const Index offset = m_in.k.rows() - m_in.q.rows();
    const Index segments = std::min((m_in.q.rows() + kSegment - 1) / kSegment, context.threadCount() * kSegmentsPerThread);
    thread_local Scratch memory;
    float* const room = memory.floats(segments * (kSegment * m_features + (kChunks + 1) * size()));
    Wave wave;
    wave.kvHead = kvHeadOf(unit);
    wave.phi = room;
    wave.chunks = wave.phi + segments * kSegment * m_features;
    wave.starts = wave.chunks + segments * kChunks * size();
    for (wave.first = offset; wave.first < m_in.k.rows() && goesOn(); wave.first = wave.last) {
        wave.last = std::min(m_in.k.rows(), wave.first + segments * kSegment);
        parallelFor(wave.segments(), 1, context, [&](Index s, Index) { sumSegment(wave, s); });
        for (Index s = 0; s < wave.segments(); ++s) {
            prefix.round(sumsAt(wave.starts + s * size()));
            const Index chunks = (wave.end(s) - wave.begin(s) + kPlainChunk - 1) / kPlainChunk;
            prefix.add(sumsAt(wave.chunks + (s * kChunks + chunks - 1) * size()));
        }
        if (goesOn())
            parallelFor(wave.segments(), 1, context, [&](Index s, Index) { answerSegment(wave, s); });
    }
    return goesOn();
}

bool PlainKernel::runCausal()
{
    auto starts = totals(m_in.k.rows() - m_in.q.rows(), m_context);
    if (m_units < m_context.threadCount()) {
        for (Index unit = 0; unit < m_units && goesOn(); ++unit)
            walk(unit, std::move(starts[static_cast<std::size_t>(unit)]), m_context);
        return goesOn();
    }
    RunContext alone = m_context;
    alone.threads = 1;
    return parallelFor(m_units, 1, m_context,
                       [&](Index unit, Index) { walk(unit, std::move(starts[static_cast<std::size_t>(unit)]), alone); });
}

} // namespace

PlainRun runPlainKernel(const Inputs& inputs, const FeatureMap& map, const RunContext& context, TensorView<float> out)
{
    if (!map.dividesBySums() || inputs.v.cols() == 0)
        return PlainRun::NotPlain;
    Tensor probe(1, 1, 1, map.features());
    if (!map.computePlain(Side::Key, inputs.k.matrix({}).rowRange(0, 1), probe.matrix()))
        return PlainRun::NotPlain; // before anything is allocated: most maps have no plain form
    return PlainKernel(inputs, map, context, out).run();
}

double plainKernelBytes(Index features, Index valueDim, int threads)
{
    const auto size = static_cast<double>(features * (plainStride(valueDim) + 1));
    const double segment = static_cast<double>(kSegment * features) + static_cast<double>(kChunks + 1) * size;
    return 4.0 * static_cast<double>(threads) * (static_cast<double>(kSegmentsPerThread) * segment + 2.0 * size);
}

} // namespace attnscope
