// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_steps.h"

#include "core/compute/dense.h"
#include "core/compute/mixer_ops.h"
#include "core/compute/triangle.h"

#include <algorithm>

namespace attnscope {

static_assert(kMixerChunk == kChunkTokens);

void MixerSteps::prepareWrites(const MixerFactors& f, Index chunk, Index valueDim)
{
    m_kind = !f.erases() ? Kind::Plain : f.correct.rows == 0 ? Kind::Delta : Kind::Free;
    m_place = ChunkPlace::of(f, chunk);
    m_decays.sum(f, m_place);
    m_endsGrown = m_decays.any() && m_decays.tame();
    m_fused = m_decays.tame() && valueDim % kChunkColumns == 0;
    if (m_fused) {
        m_keyPanel = packed({writtenRows(f, m_place), f.strength}, m_grown, m_keyMemory);
        return;
    }
    m_given = givenRows(f, m_place, m_plain);
    m_grownGiven = m_decays.grown(m_given, m_grown);
    m_writes = ends(m_given, m_grownGiven, m_endWrites);
}

void MixerSteps::prepare(const MixerFactors& f, Index chunk, Index valueDim)
{
    prepareWrites(f, chunk, valueDim);
    if (m_kind != Kind::Plain)
        m_fused ? prepareFusedErasure(f) : prepareErasure(f);
    if (m_place.queries == 0)
        return;
    m_ownWeights.resize(f.hasOwn() ? static_cast<std::size_t>(m_place.queries) : 0);
    if (f.hasOwn())
        f.readOwn(m_place.firstQuery, m_ownWeights);
    if (m_fused)
        m_waitingQueries =
            waiting(f.q.rowRange(m_place.firstQuery, m_place.queries), f.readsUndecayed, f.scale, m_decayedQueries, m_queryFactors);
    else
        prepareReads(f);
}

const float* MixerSteps::packed(const Strong& from, ChunkBuffer& grown, Scratch& memory)
{
    float* const panel = memory.floats(from.rows.cols * kChunkTokens);
    const bool byToken = m_decays.any() && !m_decays.byChannel();
    float factors[kChunkTokens];
    for (Index r = 0; r < m_place.rows; ++r)
        factors[r] = (from.strength.rows > 0 ? *tokenRow(from.strength, m_place.first + r) : 1.0F) *
                     (byToken ? m_decays.growths()[static_cast<std::size_t>(r)] : 1.0F);
    const bool plain = from.strength.rows == 0 && !byToken;
    packChunk(m_decays.byChannel() ? m_decays.grown(from.rows, grown) : from.rows,
              std::span<const float>(factors).first(plain ? 0 : static_cast<std::size_t>(m_place.rows)), panel);
    return panel;
}

/// Rows of the chunk's last tokens; decays by channel are in them, all others in their factors.
ChunkRows MixerSteps::waiting(Rows from, bool undecayed, float scale, ChunkBuffer& buffer, std::vector<float>& factors) const
{
    factors.assign(static_cast<std::size_t>(from.rows), scale);
    const Index absent = m_place.rows - from.rows;
    if (m_decays.byChannel()) {
        const auto rows = buffer.make(from.rows, from.cols);
        m_decays.decayTo(from, undecayed, rows, absent);
        return {rows, factors.data()};
    }
    if (m_decays.any()) {
        const auto shrinks = m_decays.shrinks(undecayed).subspan(static_cast<std::size_t>(absent), factors.size());
        std::transform(shrinks.begin(), shrinks.end(), factors.begin(), [scale](float x) { return scale * x; });
    }
    return {from, factors.data()};
}

void MixerSteps::prepareFusedErasure(const MixerFactors& f)
{
    const Index rows = m_place.rows;
    m_waitingErases = waiting(f.erase.rowRange(m_place.first, rows), f.erasesUndecayed, 1.0F, m_decayedErases, m_eraseFactors);
    for (Index r = 0; r < rows && f.eraseStrength.rows > 0; ++r)
        m_eraseFactors[static_cast<std::size_t>(r)] *= *tokenRow(f.eraseStrength, m_place.first + r);
    float* const lower = m_lowerMemory.floats(kChunkTokens * kChunkTokens);
    m_fusedLower = lower;
    m_fusedOther = nullptr;
    if (m_kind == Kind::Delta) {
        lowerProduct(m_waitingErases, m_keyPanel, lower);
    } else {
        const Rows c = f.correct.rowRange(m_place.first, rows);
        m_correctPanel = packed({c, f.correctStrength}, m_grownC, m_correctMemory);
        float* const other = m_otherMemory.floats(kChunkTokens * kChunkTokens);
        lowerProduct(m_waitingErases, m_correctPanel, lower);
        lowerProduct(m_waitingErases, m_keyPanel, other);
        m_fusedOther = other;
    }
    invertDiagonal({lower, rows, rows, kChunkTokens}, m_kind == Kind::Delta ? 1.0 : -1.0, m_diagonal.make(rows, kSolveBlock));
}

ChunkRead MixerSteps::readOf(const MixerFactors& f, Rows state, Rows v, Rows u) const
{
    ChunkRead read{m_waitingQueries, m_place.rows - m_place.queries, f.skipsOwn || f.readsUndecayed, state, {}, nullptr, v};
    read.keys[0] = {m_keyPanel, m_kind == Kind::Delta ? u : v};
    if (m_kind == Kind::Free)
        read.keys[1] = {m_correctPanel, u};
    if (f.hasOwn())
        read.own = m_ownWeights.data();
    return read;
}

void MixerSteps::prepareErasure(const MixerFactors& f)
{
    const Index rows = m_place.rows;
    const Rows a = erasedRows(f, m_place, m_plainErases);
    m_erases = decayed(a, f.erasesUndecayed, m_decayedErases);
    const auto lower = m_lower.make(rows, rows);
    const auto diagonal = m_diagonal.make(rows, kSolveBlock);
    if (m_kind == Kind::Delta) {
        m_decays.gram({a, m_erases}, {m_given, m_grownGiven}, f.erasesUndecayed, true, lower);
        return invertDiagonal(lower, 1.0, diagonal);
    }
    const Rows c = m_correctRows = correctedRows(f, m_place, m_plainCorrects);
    m_grownCorrects = m_decays.grown(c, m_grownC);
    m_corrects = ends(c, m_grownCorrects, m_endCorrects);
    m_decays.gram({a, m_erases}, {c, m_grownCorrects}, f.erasesUndecayed, true, lower);
    m_decays.gram({a, m_erases}, {m_given, m_grownGiven}, f.erasesUndecayed, true, m_other.make(rows, rows));
    invertDiagonal(lower, -1.0, diagonal);
}

void MixerSteps::prepareReads(const MixerFactors& f)
{
    const Rows q = queryRows(f, m_place, m_absent);
    const bool strict = f.skipsOwn || f.readsUndecayed;
    m_leaving = decayed(q, f.readsUndecayed, m_decayedQueries);
    m_decays.gram({q, m_leaving}, {m_given, m_grownGiven}, f.readsUndecayed, strict, m_own.make(m_place.rows, m_place.rows));
    if (m_kind == Kind::Free)
        m_decays.gram({q, m_leaving}, {m_correctRows, m_grownCorrects}, f.readsUndecayed, strict, m_read.make(m_place.rows, m_place.rows));
}

MixerSteps::Rows MixerSteps::ends(Rows given, Rows grown, ChunkBuffer& buffer)
{
    if (m_decays.tame())
        return grown;
    const auto rows = buffer.make(given.rows, given.cols);
    m_decays.decayToEnd(given, rows);
    return rows;
}

MixerSteps::Rows MixerSteps::decayed(Rows from, bool undecayed, ChunkBuffer& buffer) const
{
    if (!m_decays.any())
        return from;
    const auto rows = buffer.make(from.rows, from.cols);
    m_decays.decayTo(from, undecayed, rows);
    return rows;
}

void MixerSteps::solve(Rows state, Rows v, MatrixView<float> work, MatrixView<float> u) const
{
    if (m_fused)
        return solveChunk({m_waitingErases, state, m_fusedLower, m_fusedOther, m_diagonal.matrix, v}, u);
    if (m_kind == Kind::Delta) {
        for (Index r = 0; r < v.rows; ++r)
            std::copy_n(v.row(r), v.cols, work.row(r));
        gemmNN(m_erases, state, work, -1.0F, Into::Add);
        return solveUnitLower(m_lower.matrix, 1.0, m_diagonal.matrix, work, u);
    }
    gemmNN(m_erases, state, work);
    lowerTimes(m_other.matrix, v, work, 1.0F, Into::Add);
    solveUnitLower(m_lower.matrix, -1.0, m_diagonal.matrix, work, u);
}

void MixerSteps::writeInto(Rows v, Rows u, MatrixView<float> added) const
{
    if (m_fused) {
        gemmNN({m_keyPanel, added.rows, m_place.rows, kChunkTokens}, m_kind == Kind::Delta ? u : v, added);
        if (m_kind == Kind::Free)
            gemmNN({m_correctPanel, added.rows, m_place.rows, kChunkTokens}, u, added, 1.0F, Into::Add);
        return;
    }
    gemmTN(m_writes, m_kind == Kind::Delta ? u : v, added);
    if (m_kind == Kind::Free)
        gemmTN(m_corrects, u, added, 1.0F, Into::Add);
}

void MixerSteps::answer(const MixerFactors& f, Rows state, Rows v, Rows u, MatrixView<float> out) const
{
    if (m_place.queries == 0)
        return;
    if (m_fused)
        return readChunk(readOf(f, state, v, u), out);
    gemmNN(ofQueries(m_leaving), state, out, f.scale);
    const Index absent = m_place.rows - m_place.queries;
    const auto addRead = [&](Rows triangle, Rows what) {
        if (absent == 0)
            return lowerTimes(triangle, what, out, f.scale, Into::Add);
        gemmNN(ofQueries(triangle), what, out, f.scale, Into::Add);
    };
    addRead(m_own.matrix, m_kind == Kind::Delta ? u : v);
    if (m_kind == Kind::Free)
        addRead(m_read.matrix, u);
    for (Index i = 0; i < out.rows && f.hasOwn(); ++i)
        addScaledRow(out.rowSpan(i), m_ownWeights[static_cast<std::size_t>(i)], v.rowSpan(absent + i));
}

void MixerSteps::advance(Rows v, Rows u, MatrixView<float> added, std::span<double> sums, MatrixView<float> rounded) const
{
    if (m_fused) {
        ChunkWrites writes{{}, factors(), m_endsGrown};
        writes.keys[0] = {m_keyPanel, m_kind == Kind::Delta ? u : v};
        if (m_kind == Kind::Free)
            writes.keys[1] = {m_correctPanel, u};
        return advanceChunk(writes, sums, rounded);
    }
    writeInto(v, u, added);
    const auto width = static_cast<std::size_t>(added.cols);
    for (Index r = 0; r < added.rows; ++r)
        advanceSums(sums.subspan(static_cast<std::size_t>(r) * width, width), factor(r), added.rowSpan(r), rounded.rowSpan(r), share(r));
}

MixerState::MixerState(Index width, Index valueDim) : m_sums(static_cast<std::size_t>(width * valueDim), 0.0)
{
    const Index cells = (width * valueDim + 15) / 16 * 16; // whole cache lines
    float* const memory = m_memory.floats(2 * cells + kMixerChunk * valueDim);
    std::fill_n(memory, cells, 0.0F);
    m_rounded = {memory, width, valueDim, valueDim};
    m_added = {memory + cells, width, valueDim, valueDim};
    m_work = {memory + 2 * cells, kMixerChunk, valueDim, valueDim};
}

void MixerState::solve(const MixerSteps& steps, MatrixView<const float> v, MatrixView<float> u)
{
    if (steps.erases())
        steps.solve(values(), v, m_work.rowRange(0, v.rows), u);
}

void MixerState::advance(const MixerSteps& steps, MatrixView<const float> v, MatrixView<const float> u)
{
    steps.advance(v, u, m_added, m_sums, m_rounded);
}

} // namespace attnscope
