// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_steps.h"

#include "core/compute/dense.h"
#include "core/compute/mixer_ops.h"
#include "core/compute/triangle.h"

#include <algorithm>

namespace attnscope {

void MixerSteps::prepareWrites(const MixerFactors& f, Index chunk)
{
    m_kind = !f.erases() ? Kind::Plain : f.correct.rows == 0 ? Kind::Delta : Kind::Free;
    m_place = ChunkPlace::of(f, chunk);
    m_decays.sum(f, m_place);
    m_endsGrown = m_decays.any() && m_decays.tame();
    m_given = givenRows(f, m_place, m_plain);
    m_grownGiven = m_decays.grown(m_given, m_grown);
    m_writes = ends(m_given, m_grownGiven, m_endWrites);
}

void MixerSteps::prepare(const MixerFactors& f, Index chunk)
{
    prepareWrites(f, chunk);
    if (m_kind != Kind::Plain)
        prepareErasure(f);
    if (m_place.queries > 0)
        prepareReads(f);
}

void MixerSteps::prepareErasure(const MixerFactors& f)
{
    const Index rows = m_place.rows;
    const Rows a = f.erase.rowRange(m_place.first, rows);
    m_erases = decayed(a, f.erasesUndecayed, m_decayedErases);
    const auto lower = m_lower.make(rows, rows);
    const auto diagonal = m_diagonal.make(rows, kSolveBlock);
    if (m_kind == Kind::Delta) {
        m_decays.gram({a, m_erases}, {m_given, m_grownGiven}, f.erasesUndecayed, true, lower);
        return invertDiagonal(lower, 1.0, diagonal);
    }
    const Rows c = f.correct.rowRange(m_place.first, rows);
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
        m_decays.gram({q, m_leaving}, {f.correct.rowRange(m_place.first, m_place.rows), m_grownCorrects}, f.readsUndecayed, strict,
                      m_read.make(m_place.rows, m_place.rows));
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
    gemmTN(m_writes, m_kind == Kind::Delta ? u : v, added);
    if (m_kind == Kind::Free)
        gemmTN(m_corrects, u, added, 1.0F, Into::Add);
}

void MixerSteps::answer(const MixerFactors& f, Rows state, Rows v, Rows u, MatrixView<float> out) const
{
    if (m_place.queries == 0)
        return;
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
    for (Index i = 0; i < out.rows && !f.own.empty(); ++i)
        addScaledRow(out.rowSpan(i), f.own[static_cast<std::size_t>(m_place.firstQuery + i)], v.rowSpan(absent + i));
}

MixerState::MixerState(Index width, Index valueDim)
    : m_sums(static_cast<std::size_t>(width * valueDim), 0.0),
      m_rounded(1, 1, width, valueDim),
      m_added(1, 1, width, valueDim),
      m_work(1, 1, kMixerChunk, valueDim)
{
    std::fill(m_rounded.values().begin(), m_rounded.values().end(), 0.0F);
}

void MixerState::solve(const MixerSteps& steps, MatrixView<const float> v, MatrixView<float> u)
{
    if (steps.erases())
        steps.solve(values(), v, m_work.matrix().rowRange(0, v.rows), u);
}

void MixerState::advance(const MixerSteps& steps, MatrixView<const float> v, MatrixView<const float> u)
{
    const auto added = m_added.matrix();
    steps.writeInto(v, u, added);
    const auto width = static_cast<std::size_t>(added.cols);
    for (Index r = 0; r < added.rows; ++r)
        advanceSums(std::span(m_sums).subspan(static_cast<std::size_t>(r) * width, width), steps.factor(r), added.rowSpan(r),
                    m_rounded.matrix().rowSpan(r), steps.share(r));
}

} // namespace attnscope
