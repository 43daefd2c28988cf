// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/eva.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/double_matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kBlockRows = 64;
constexpr Index kReadRows = 128;
constexpr float kMasked = -std::numeric_limits<float>::infinity();

/// What one head's queries need to know of its chunks.
struct Chunks {
    Tensor means;               ///< mean keys [C, D]
    std::vector<float> share;   ///< of each key in its chunk; a chunk's shares add up to 1
    std::vector<float> logSize; ///< what is added to a chunk's logit
};

/// The sum of the rows [first, last) over `count`, or over their number where that is 0.
std::vector<double> meanOf(MatrixView<const float> x, Index first, Index last, Index count)
{
    std::vector<double> mean(static_cast<std::size_t>(x.cols), 0.0);
    for (Index i = first; i < last; ++i)
        std::transform(mean.begin(), mean.end(), x.row(i), mean.begin(), std::plus<double>());
    for (double& m : mean)
        m /= static_cast<double>(count > 0 ? count : std::max<Index>(1, last - first));
    return mean;
}

/// Shares of one chunk's keys: softmax of scale (mu . k_j - |k_j|² / 2).
void shareOut(MatrixView<const float> keys, std::span<const double> mu, double scale, std::span<float> share)
{
    for (Index j = 0; j < keys.rows; ++j) {
        double logit = 0.0;
        for (Index c = 0; c < keys.cols; ++c)
            logit += keys(j, c) * (mu[static_cast<std::size_t>(c)] - 0.5 * keys(j, c));
        share[static_cast<std::size_t>(j)] = static_cast<float>(scale * logit);
    }
    const double sum = expRow(share, rowMax(share));
    scaleRow(share, static_cast<float>(1.0 / sum));
}

Chunks chunksOf(const Inputs& in, HeadRef head, const EvaLayout& layout)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const Index offset = layout.keys - layout.queries;
    Chunks chunks{Tensor(1, 1, layout.chunks(), k.cols), std::vector<float>(static_cast<std::size_t>(layout.keys)), {}};
    for (Index c = 0; c < layout.chunks(); ++c) {
        const auto [first, last] = layout.chunkKeys(c);
        const Index count = layout.options.padded ? layout.options.chunk : 0;
        const std::vector<double> keyMean = meanOf(k, first, last, count);
        std::vector<double> mu =
            meanOf(q, std::max<Index>(0, first - offset), std::max<Index>(0, last - offset), count); // 0 where it has no queries
        for (std::size_t d = 0; d < mu.size(); ++d)
            mu[d] = (layout.causal ? 1.0 : 0.5) * (mu[d] + keyMean[d]);
        std::transform(keyMean.begin(), keyMean.end(), chunks.means.matrix().row(c), [](double x) { return static_cast<float>(x); });
        if (last > first)
            shareOut(k.rowRange(first, last - first), mu, in.effectiveScale(),
                     std::span(chunks.share).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
        chunks.logSize.push_back(layout.options.correction ? std::log(static_cast<float>(std::max<Index>(1, last - first))) : 0.0F);
    }
    return chunks;
}

/// beta_c = Σ_{j in c} share_j v_j [C, Dv].
Tensor chunkValues(const EvaLayout& layout, const Chunks& chunks, MatrixView<const float> v)
{
    Tensor values(1, 1, layout.chunks(), v.cols);
    std::fill(values.values().begin(), values.values().end(), 0.0F);
    for (Index j = 0; j < v.rows; ++j)
        addScaledRow(values.matrix().rowSpan(j / layout.options.chunk), chunks.share[static_cast<std::size_t>(j)], v.rowSpan(j));
    return values;
}

/// Logits of the queries [first, first + out.rows): the keys of `local` (which covers what they see), then the chunks.
void fillLogits(const Inputs& in, HeadRef head, const EvaLayout& layout, const Chunks& chunks, Index first, KeyRange local,
                MatrixView<float> out)
{
    const auto q = in.qOf(head).rowRange(first, out.rows);
    const Index width = local.last - local.first;
    if (width > 0)
        gemmNT(q, in.kOf(head).rowRange(local.first, width), {out.data, out.rows, width, out.stride}, in.effectiveScale());
    gemmNT(q, chunks.means.matrix(), {out.data + width, out.rows, layout.chunks(), out.stride}, in.effectiveScale());
    for (Index i = 0; i < out.rows; ++i) {
        const KeyRange seen = layout.local(first + i);
        float* const row = out.row(i);
        std::fill(row, row + std::clamp<Index>(seen.first - local.first, 0, width), kMasked);
        std::fill(row + std::clamp<Index>(seen.last - local.first, 0, width), row + width, kMasked);
        std::transform(row + width, row + width + layout.chunks(), chunks.logSize.begin(), row + width, std::plus<float>());
        std::fill(row + width + layout.chunksSeen(first + i), row + width + layout.chunks(), kMasked);
    }
}

/// The keys that any of these queries sees exactly.
KeyRange localOfAll(const EvaLayout& layout, Index first, Index count)
{
    return {layout.local(first).first, std::max(layout.local(first).first, layout.local(first + count - 1).last)};
}

class EvaSource final : public ScoreSource {
public:
    EvaSource(const Inputs& inputs, HeadRef head, const EvaLayout& layout)
        : m_inputs(inputs),
          m_head(head),
          m_layout(layout),
          m_chunks(chunksOf(inputs, head, layout)),
          m_max(static_cast<std::size_t>(layout.queries)),
          m_inverse(m_max.size())
    {
    }

    bool computeNorms(const RunContext& context);

    Index rows() const override { return m_layout.queries; }
    Index cols() const override { return m_layout.keys; }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return m_inputs.mask().visible(row); }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override;

private:
    void readRows(Index row0, Index col0, MatrixView<float> out) const;
    void addLocal(Index row0, Index col0, MatrixView<float> out) const;

    Inputs m_inputs;
    HeadRef m_head;
    EvaLayout m_layout;
    Chunks m_chunks;
    std::vector<float> m_max;
    std::vector<float> m_inverse;
};

bool EvaSource::computeNorms(const RunContext& context)
{
    return parallelFor(rows(), kBlockRows, context, [&](Index first, Index last) {
        const KeyRange local = localOfAll(m_layout, first, last - first);
        Tensor logits(1, 1, last - first, local.last - local.first + m_layout.chunks());
        fillLogits(m_inputs, m_head, m_layout, m_chunks, first, local, logits.matrix());
        for (Index i = first; i < last; ++i) {
            const std::span<float> row = logits.matrix().rowSpan(i - first);
            m_max[static_cast<std::size_t>(i)] = rowMax(row);
            m_inverse[static_cast<std::size_t>(i)] = static_cast<float>(1.0 / expRow(row, m_max[static_cast<std::size_t>(i)]));
        }
    });
}

Result<void> EvaSource::readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const
{
    const bool done = parallelFor(out.rows, kReadRows, context,
                                  [&](Index first, Index last) { readRows(row0 + first, col0, out.rowRange(first, last - first)); });
    return done ? Result<void>() : Result<void>(cancelledError());
}

void EvaSource::readRows(Index row0, Index col0, MatrixView<float> out) const
{
    const Index size = m_layout.options.chunk;
    const Index firstChunk = col0 / size;
    const Index count = (col0 + out.cols - 1) / size + 1 - firstChunk;
    Tensor logits(1, 1, out.rows, count);
    gemmNT(m_inputs.qOf(m_head).rowRange(row0, out.rows), m_chunks.means.matrix().rowRange(firstChunk, count), logits.matrix(),
           m_inputs.effectiveScale());
    for (Index i = 0; i < out.rows; ++i) {
        const std::span<float> row = logits.matrix().rowSpan(i);
        for (Index c = 0; c < count; ++c)
            row[static_cast<std::size_t>(c)] =
                firstChunk + c < m_layout.chunksSeen(row0 + i)
                    ? row[static_cast<std::size_t>(c)] + m_chunks.logSize[static_cast<std::size_t>(firstChunk + c)]
                    : kMasked;
        expRow(row, m_max[static_cast<std::size_t>(row0 + i)]);
        for (Index j = 0; j < out.cols; ++j)
            out(i, j) = row[static_cast<std::size_t>((col0 + j) / size - firstChunk)] * m_chunks.share[static_cast<std::size_t>(col0 + j)] *
                        m_inverse[static_cast<std::size_t>(row0 + i)];
    }
    addLocal(row0, col0, out);
}

void EvaSource::addLocal(Index row0, Index col0, MatrixView<float> out) const
{
    const KeyRange all = localOfAll(m_layout, row0, out.rows);
    const Index first = std::max(col0, all.first);
    const Index last = std::min(col0 + out.cols, all.last);
    if (first >= last)
        return;
    Tensor logits(1, 1, out.rows, last - first);
    gemmNT(m_inputs.qOf(m_head).rowRange(row0, out.rows), m_inputs.kOf(m_head).rowRange(first, last - first), logits.matrix(),
           m_inputs.effectiveScale());
    for (Index i = 0; i < out.rows; ++i) {
        const KeyRange seen = m_layout.local(row0 + i);
        const Index from = std::max(first, seen.first);
        const Index to = std::min(last, seen.last);
        if (from >= to)
            continue;
        const std::span<float> part =
            logits.matrix().rowSpan(i).subspan(static_cast<std::size_t>(from - first), static_cast<std::size_t>(to - from));
        expRow(part, m_max[static_cast<std::size_t>(row0 + i)]);
        addScaledRow({out.row(i) + from - col0, part.size()}, m_inverse[static_cast<std::size_t>(row0 + i)], part);
    }
}

} // namespace

KeyRange EvaLayout::local(Index query) const
{
    const Index at = place(query);
    const Index block = options.window > 0 ? at / options.window * options.window : at;
    if (causal)
        return {std::min(block, at / options.chunk * options.chunk), at + 1};
    return {block, options.window > 0 ? std::min(keys, block + options.window) : block};
}

EvaLayout evaLayout(const Inputs& in, const EvaOptions& options) { return {in.q.rows(), in.k.rows(), in.causal, options}; }

Result<Tensor> runEva(const Inputs& in, const EvaOptions& options, const RunContext& context)
{
    const Shape s = in.shape();
    const EvaLayout layout = evaLayout(in, options);
    std::vector<Chunks> chunks(static_cast<std::size_t>(s.batch * s.heads));
    std::vector<Tensor> values(chunks.size());
    bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) {
        const HeadRef head{h / s.heads, h % s.heads};
        chunks[static_cast<std::size_t>(h)] = chunksOf(in, head, layout);
        values[static_cast<std::size_t>(h)] = chunkValues(layout, chunks[static_cast<std::size_t>(h)], in.vOf(head));
    });
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const Index blocks = (s.queries + kBlockRows - 1) / kBlockRows;
    done = done && parallelFor(s.batch * s.heads * blocks, 1, context, [&](Index task, Index) {
               const HeadRef head{task / blocks / s.heads, task / blocks % s.heads};
               const auto h = static_cast<std::size_t>(task / blocks);
               const Index first = task % blocks * kBlockRows;
               const Index rows = std::min(kBlockRows, s.queries - first);
               const KeyRange local = localOfAll(layout, first, rows);
               const Index width = local.last - local.first;
               Tensor logits(1, 1, rows, width + layout.chunks());
               const MatrixView<float> p = logits.matrix();
               fillLogits(in, head, layout, chunks[h], first, local, p);
               softmaxRows(p, p.cols);
               const MatrixView<float> o = out.matrix(head).rowRange(first, rows);
               gemmNN({p.data + width, rows, layout.chunks(), p.stride}, values[h].matrix(), o);
               if (width > 0)
                   gemmNN({p.data, rows, width, p.stride}, in.vOf(head).rowRange(local.first, width), o, 1.0F, Into::Add);
           });
    if (!done)
        return cancelledError();
    return out;
}

Result<std::shared_ptr<const ScoreSource>> makeEvaSource(const Inputs& inputs, HeadRef head, const EvaOptions& options,
                                                         const RunContext& context)
{
    if (context.cancelled())
        return cancelledError();
    auto source = std::make_shared<EvaSource>(inputs, head, evaLayout(inputs, options));
    if (!source->computeNorms(context))
        return cancelledError();
    return std::shared_ptr<const ScoreSource>(std::move(source));
}

} // namespace attnscope
