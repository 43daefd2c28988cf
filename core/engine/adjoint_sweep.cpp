// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/adjoint_sweep.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr float kVanished = 1e-30F; // smaller adjoints are cut to 0 before they slow the processor down

void copyRows(MatrixView<const float> from, float* to)
{
    for (Index r = 0; r < from.rows; ++r)
        std::copy_n(from.row(r), from.cols, to + r * from.cols);
}

} // namespace

bool AdjointSweeps::prepare(const RunContext& context)
{
    const MixerFactors& f = m_factors;
    m_leaving = Tensor(1, 1, f.queries(), f.width());
    m_writes = Tensor(1, 1, f.tokens, f.width());
    if (f.erases())
        m_erases = Tensor(1, 1, f.tokens, f.width());
    if (f.correct.rows > 0)
        m_corrects = Tensor(1, 1, f.tokens, f.width());
    m_decays = f.logDecay.rows > 0 ? f.logDecay.cols : 1;
    m_sums.assign(static_cast<std::size_t>((chunks() + 1) * m_decays), 0.0);
    const bool done = parallelFor(chunks(), 8, context, [&](Index first, Index last) {
        MixerChunk chunk;
        for (Index c = first; c < last; ++c) {
            chunk.prepareKeys(f, c);
            if (chunk.queries() > 0)
                chunk.prepareQueries(f);
            store(chunk, c);
        }
    });
    for (std::size_t at = static_cast<std::size_t>(m_decays); at < m_sums.size(); ++at)
        m_sums[at] += m_sums[at - static_cast<std::size_t>(m_decays)];
    return done;
}

void AdjointSweeps::store(const MixerChunk& chunk, Index index)
{
    const Index at = chunk.first() * m_factors.width();
    copyRows(chunk.writes(), m_writes.data() + at);
    if (!m_erases.empty())
        copyRows(chunk.erases(), m_erases.data() + at);
    if (!m_corrects.empty())
        copyRows(chunk.corrects(), m_corrects.data() + at);
    if (chunk.queries() > 0)
        copyRows(chunk.leaving(), m_leaving.data() + chunk.firstQuery() * m_factors.width());
    const auto ends = chunk.logDecay();
    std::copy(ends.begin(), ends.end(), m_sums.begin() + static_cast<std::ptrdiff_t>((index + 1) * m_decays));
}

/// The rows [first, last), counted from row0, that stand in this very chunk.
void AdjointSweeps::ownCells(Index c, Index row0, Index first, Index last, KeyRange columns, MatrixView<float> cells) const
{
    MixerChunk chunk;
    chunk.prepareKeys(m_factors, c);
    chunk.prepareQueries(m_factors);
    for (Index i = first; i < last; ++i) {
        const float* from = chunk.own().row(row0 + i - chunk.firstQuery()) + (columns.first - chunk.first());
        std::transform(from, from + columns.size(), cells.row(i), [s = m_factors.scale](float x) { return s * x; });
        const Index at = row0 + i + m_factors.offset();
        if (m_factors.hasOwn() && columns.contains(at)) {
            float own = 0.0F;
            m_factors.readOwn(row0 + i, {&own, 1});
            cells(i, at - columns.first) += own;
        }
    }
}

/// The adjoints of the rows from `first` on as they arrive at a chunk before theirs, where nothing erases on the way.
void AdjointSweeps::startAt(Index c, Index row0, Index first, MatrixView<float> x) const
{
    std::vector<float> factors(static_cast<std::size_t>(m_decays));
    Index known = -1;
    for (Index i = first; i < x.rows; ++i) {
        const Index from = chunkOf(row0 + i);
        if (from != known) {
            const double* high = m_sums.data() + from * m_decays;
            const double* low = m_sums.data() + (c + 1) * m_decays;
            std::transform(high, high + m_decays, low, factors.begin(), [](double a, double b) {
                return a - b < std::log(static_cast<double>(kVanished)) ? 0.0F : static_cast<float>(std::exp(a - b));
            });
            known = from;
        }
        const float* leaving = m_leaving.matrix().row(row0 + i);
        for (Index k = 0; k < x.cols; ++k)
            x(i, k) = leaving[k] * factors[m_decays > 1 ? static_cast<std::size_t>(k) : 0];
    }
}

/// X becomes e^G X + (X Zᵀ) Ã; false where nothing is left of it.
bool AdjointSweeps::stepBack(Index c, MatrixView<float> x) const
{
    const Index first = c * kMixerChunk;
    const Index rows = std::min(kMixerChunk, m_factors.tokens - first);
    const bool free = !m_corrects.empty();
    Tensor along(1, 1, x.rows, rows);
    gemmNT(x, (free ? m_corrects : m_writes).view().matrix({}).rowRange(first, rows), along.matrix(), free ? 1.0F : -1.0F);
    std::vector<float> decay(static_cast<std::size_t>(m_decays));
    const double* sums = m_sums.data() + c * m_decays;
    for (Index k = 0; k < m_decays; ++k)
        decay[static_cast<std::size_t>(k)] = static_cast<float>(std::exp(sums[m_decays + k] - sums[k]));
    for (Index i = 0; i < x.rows; ++i)
        for (Index k = 0; k < x.cols; ++k)
            x(i, k) *= decay[m_decays > 1 ? static_cast<std::size_t>(k) : 0];
    gemmNN(along.matrix(), m_erases.view().matrix({}).rowRange(first, rows), x, 1.0F, Into::Add);
    bool alive = false;
    for (Index i = 0; i < x.rows; ++i)
        for (float& value : x.rowSpan(i)) {
            if (std::abs(value) < kVanished)
                value = 0.0F;
            alive = alive || value != 0.0F;
        }
    return alive;
}

/// Fills x from the checkpoint that is nearest to the columns and gives the chunk that it left last; lastChunk + 1 where there is none.
Index AdjointSweeps::resume(Index row0, Index count, Index lastChunk, MatrixView<float> x) const
{
    const std::lock_guard lock(m_mutex);
    for (Index c = (lastChunk / checkpointStep() + 1) * checkpointStep(); c <= chunkOf(row0); c += checkpointStep())
        if (const auto found = m_checkpoints.find({row0, count, c}); found != m_checkpoints.end()) {
            copyRows(found->second->matrix(), x.data);
            return c;
        }
    return chunkOf(row0 + count - 1) + 1;
}

void AdjointSweeps::remember(Index row0, Index c, MatrixView<const float> x) const
{
    auto kept = std::make_shared<Tensor>(1, 1, x.rows, x.cols);
    copyRows(x, kept->data());
    const std::lock_guard lock(m_mutex);
    if (m_checkpointSize + kept->size() > 4 * m_leaving.size()) {
        m_checkpoints.clear();
        m_checkpointSize = 0;
    }
    const Index size = kept->size();
    if (m_checkpoints.emplace(Place{row0, x.rows, c}, std::move(kept)).second)
        m_checkpointSize += size;
}

bool AdjointSweeps::sweep(Index row0, Index count, KeyRange columns, const RunContext& context, const CellSink& sink) const
{
    columns.last = std::min(columns.last, end(row0, count));
    if (columns.size() <= 0)
        return !context.cancelled();
    const bool erases = m_factors.erases();
    const Index stop = columns.first / kMixerChunk;
    const Index lastChunk = (columns.last - 1) / kMixerChunk;
    Tensor x(1, 1, count, m_factors.width());
    Tensor cells(1, 1, count, kMixerChunk);
    Index active = count; // rows from here on stand in later chunks than the current one
    bool vanished = false;
    Index c = lastChunk;
    if (erases) {
        c = resume(row0, count, lastChunk, x.matrix()) - 1;
        if (c < chunkOf(row0 + count - 1))
            active = 0;
    } else
        active = std::clamp<Index>((c + 1) * kMixerChunk - m_factors.offset() - row0, 0, count);
    for (; c >= stop; --c) {
        if (context.cancelled())
            return false;
        const KeyRange part{std::max(columns.first, c * kMixerChunk), std::min(columns.last, (c + 1) * kMixerChunk)};
        const Index standing = std::clamp<Index>(c * kMixerChunk - m_factors.offset() - row0, 0, count);
        const auto moving = x.matrix().rowRange(active, count - active);
        if (!erases)
            startAt(c, row0, active, x.matrix());
        if (part.size() > 0) {
            const MatrixView<float> out{cells.data(), count, part.size(), part.size()};
            std::fill_n(out.data, (vanished ? count : standing) * out.cols, 0.0F);
            if (standing < active)
                ownCells(c, row0, standing, active, part, out);
            if (moving.rows > 0 && !vanished)
                gemmNT(moving, m_writes.view().matrix({}).rowRange(part.first, part.size()), out.rowRange(active, moving.rows),
                       m_factors.scale);
            sink(part.first, out);
        }
        if (erases && c > stop && !vanished) {
            if (moving.rows > 0)
                vanished = !stepBack(c, moving) && active == 0;
            for (Index i = standing; i < active; ++i)
                std::copy_n(m_leaving.matrix().row(row0 + i), x.cols(), x.matrix().row(i));
            if (standing == 0 && c % checkpointStep() == 0)
                remember(row0, c, x.matrix());
        }
        active = standing;
    }
    return true;
}

} // namespace attnscope
