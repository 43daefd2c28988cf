// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_causal.h"

#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"
#include "core/compute/plain_features.h"
#include "core/engine/exact_row.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

// Later keys of a chunk raise the shift that earlier queries are scaled by. Far below these limits float32 has lost them.
constexpr double kTinyDenominator = 1e-18;
constexpr float kFarBelow = 40.0F;

} // namespace

CausalWalk::CausalWalk(const Inputs& inputs, const FeatureMap& map, HeadRef kvHead, const QuerySink& sink)
    : m_inputs(inputs),
      m_map(map),
      m_kvHead(kvHead),
      m_sink(sink),
      m_keys(kKernelChunk, map),
      m_queries(kKernelChunk, map),
      m_scaledKeys(1, 1, kKernelChunk, map.features()),
      m_scaledQueries(1, 1, kKernelChunk, map.features()),
      m_products(1, 1, kKernelChunk, kKernelChunk),
      m_numerators(1, 1, kKernelChunk, inputs.v.cols()),
      m_denominators(static_cast<std::size_t>(kKernelChunk)),
      m_logScale(static_cast<std::size_t>(kKernelChunk)),
      m_view(map.features(), inputs.v.cols())
{
}

CausalWalk::Chunk CausalWalk::prepare(Index first, Index rows, const KernelState& prefix, const KernelState& local)
{
    const auto x = m_inputs.k.matrix(m_kvHead).rowRange(first, rows);
    const auto scaled = m_scaledKeys.matrix().rowRange(0, rows);
    Chunk chunk;
    chunk.scaled = scaled;
    chunk.v = m_inputs.v.matrix(m_kvHead).rowRange(first, rows);
    chunk.plainKeys = local.plain() && m_map.computePlain(Side::Key, x, scaled); // whatever came before the segment
    chunk.plain = chunk.plainKeys && prefix.plain();
    if (chunk.plain) {
        m_view.assignPlain(prefix, local);
        return chunk;
    }
    chunk.keys = m_keys.compute(m_map, Side::Key, first, x);
    if (chunk.plainKeys)
        chunk.shift.assign(static_cast<std::size_t>(m_map.features()), 0.0F);
    else {
        chunk.shift = local.raisedShift(chunk.keys);
        scaleKeys(chunk.keys, chunk.shift, scaled);
    }
    m_view.assign(prefix, local, chunk.shift);
    chunk.lift.resize(chunk.shift.size());
    for (std::size_t r = 0; r < chunk.lift.size(); ++r)
        chunk.lift[r] = std::exp(chunk.shift[r] - m_view.shift()[r]);
    return chunk;
}

bool CausalWalk::walk(Index first, Index last, const KernelState& prefix, KernelState& local, const RunContext& context)
{
    const Index offset = m_inputs.k.rows() - m_inputs.q.rows();
    const Index group = m_inputs.q.heads() / m_inputs.k.heads();
    for (Index j = first; j < last; j += kKernelChunk) {
        if (context.cancelled())
            return false;
        const Index rows = std::min(kKernelChunk, last - j);
        const Chunk chunk = prepare(j, rows, prefix, local);
        for (Index h = m_kvHead.head * group; h < (m_kvHead.head + 1) * group; ++h)
            answer({m_kvHead.batch, h}, j - offset, chunk, prefix, local);
        if (chunk.plainKeys)
            local.addPlain(chunk.scaled, chunk.v);
        else
            local.add(chunk.scaled, chunk.shift, chunk.v);
    }
    return true;
}

void CausalWalk::answer(HeadRef head, Index firstQuery, const Chunk& chunk, const KernelState& prefix, const KernelState& local)
{
    const Index rows = chunk.scaled.rows;
    const auto x = m_inputs.q.matrix(head).rowRange(firstQuery, rows);
    const auto p = m_scaledQueries.matrix().rowRange(0, rows);
    const auto numerators = m_numerators.matrix().rowRange(0, rows);
    FeatureRows queries;
    if (chunk.plain && m_map.computePlain(Side::Query, x, p))
        std::fill(m_logScale.begin(), m_logScale.end(), 0.0F);
    else {
        queries = m_queries.compute(m_map, Side::Query, firstQuery, x);
        scaleQueries(queries, m_view.shift(), p, m_logScale);
    }
    gemmNN(p, m_view.values(), numerators);
    timesVector(p, m_view.weights(), m_denominators);
    addChunk(chunk, p, numerators);
    if (!chunk.plain) // plain keys have no product that is too small for any query
        repairRows(queries, chunk, prefix, local, numerators);
    const auto count = static_cast<std::size_t>(rows);
    m_sink({head, firstQuery, numerators, std::span(m_denominators).first(count), std::span(m_logScale).first(count)});
}

void CausalWalk::addChunk(const Chunk& chunk, MatrixView<float> p, MatrixView<float> numerators)
{
    const Index rows = p.rows;
    if (std::any_of(chunk.lift.begin(), chunk.lift.end(), [](float x) { return x != 1.0F; }))
        for (Index i = 0; i < rows; ++i)
            std::transform(p.row(i), p.row(i) + p.cols, chunk.lift.begin(), p.row(i), std::multiplies<>());
    // By halves: the first half of the queries sees no key of the second.
    const MatrixView<float> products{m_products.data(), rows, rows, kKernelChunk};
    for (Index first = 0; first < rows; first += kKernelChunk / 2) {
        const Index count = std::min(kKernelChunk / 2, rows - first);
        gemmNT(p.rowRange(first, rows - first), chunk.scaled.rowRange(first, count),
               {products.row(first) + first, rows - first, count, products.stride});
    }
    for (Index first = 0; first < rows; first += kKernelChunk / 2) {
        const Index count = std::min(kKernelChunk / 2, rows - first);
        const Index keys = first + count;
        const MatrixView<float> half{products.row(first), count, keys, products.stride};
        for (Index i = 0; i < count; ++i) {
            std::fill(half.row(i) + first + i + 1, half.row(i) + keys, 0.0F);
            m_denominators[static_cast<std::size_t>(first + i)] += rowSum(half.rowSpan(i));
        }
        gemmNN(half, chunk.v.rowRange(0, keys), numerators.rowRange(first, count), 1.0F, Into::Add);
    }
}

void CausalWalk::repairRows(const FeatureRows& queries, const Chunk& chunk, const KernelState& prefix, const KernelState& local,
                            MatrixView<float> numerators)
{
    float top = std::max(prefix.shift().front(), local.shift().front());
    for (Index i = 0; i < numerators.rows; ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (queries.logarithmic) {
            if (m_denominators[at] >= kTinyDenominator)
                continue;
        } else {
            top = std::max(top, chunk.keys.logScale[at]);
            if (top >= m_view.shift().front() - kFarBelow)
                continue;
        }
        const ExactRow exact = exactRow(queries, i, prefix, local, chunk.keys, chunk.v, i + 1);
        std::transform(exact.numerator.begin(), exact.numerator.end(), numerators.row(i), [](double x) { return static_cast<float>(x); });
        m_denominators[at] = exact.denominator;
        m_logScale[at] = static_cast<float>(exact.logScale);
    }
}

} // namespace attnscope
