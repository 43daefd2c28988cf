// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_chunk.h"

#include "core/compute/dense.h"
#include "core/compute/mixer_ops.h"
#include "core/compute/triangle.h"

#include <algorithm>

namespace attnscope {

void MixerChunk::invert(MatrixView<const float> lower, double sign, MatrixView<float> out)
{
    m_work.resize(static_cast<std::size_t>(m_place.rows * inverseStride(m_place.rows)));
    invertUnitLower(lower, sign, m_work, out);
}

void MixerChunk::prepareKeys(const MixerFactors& f, Index chunk)
{
    m_place = ChunkPlace::of(f, chunk);
    m_width = f.width();
    m_decays.sum(f, m_place);
    m_given = givenRows(f, m_place, m_plain);
    m_grownGiven = m_decays.grown(m_given, m_grown);
    const auto writes = m_writes.make(m_place.rows, m_width);
    m_erases.matrix = {};
    m_corrects.matrix = {};
    if (!f.erases())
        return m_decays.decayToEnd(m_given, writes);
    const auto a = erasedRows(f, m_place, m_plainErases);
    const auto erases = m_erases.make(m_place.rows, m_width);
    m_decays.decayTo(a, f.erasesUndecayed, erases);
    const auto strict = m_strict.make(m_place.rows, m_place.rows);
    const auto inverse = m_inverse.make(m_place.rows, m_place.rows);
    const auto ends = m_product.make(m_place.rows, m_width);
    if (f.correct.rows == 0) {
        m_decays.gram({a, erases}, {m_given, m_grownGiven}, f.erasesUndecayed, true, strict);
        invert(strict, 1.0, inverse);
        m_decays.decayToEnd(m_given, ends);
        gemmTN(inverse, ends, writes);
        return;
    }
    const auto c = m_givenCorrects = correctedRows(f, m_place, m_plainCorrects);
    m_decays.gram({a, erases}, {c, m_decays.grown(c, m_grownCorrects)}, f.erasesUndecayed, true, strict);
    invert(strict, -1.0, inverse);
    m_decays.decayToEnd(c, ends);
    const auto corrects = m_corrects.make(m_place.rows, m_width);
    gemmTN(inverse, ends, corrects);
    m_decays.gram({a, erases}, {m_given, m_grownGiven}, f.erasesUndecayed, true, m_other.make(m_place.rows, m_place.rows));
    m_decays.decayToEnd(m_given, writes);
    gemmTN(m_other.matrix, corrects, writes, 1.0F, Into::Add);
}

void MixerChunk::prepareQueries(const MixerFactors& f)
{
    const auto q = queryRows(f, m_place, m_absent);
    const bool strict = f.skipsOwn || f.readsUndecayed;
    const auto own = m_own.make(m_place.rows, m_place.rows);
    const auto leaving = m_leaving.make(m_place.rows, m_width);
    m_decays.decayTo(q, f.readsUndecayed, leaving);
    const ChunkDecays::Side queries{q, leaving};
    const ChunkDecays::Side keys{m_given, m_grownGiven};
    if (!f.erases())
        return m_decays.gram(queries, keys, f.readsUndecayed, strict, own);
    const auto reads = m_read.make(m_place.rows, m_place.rows);
    if (f.correct.rows == 0) {
        m_decays.gram(queries, keys, f.readsUndecayed, strict, reads);
        gemmNN(reads, m_inverse.matrix, own);
        gemmNN(own, m_erases.matrix, leaving, -1.0F, Into::Add);
        return;
    }
    const auto corrected = m_product.make(m_place.rows, m_place.rows);
    const auto c = m_givenCorrects;
    m_decays.gram(queries, {c, m_decays.tame() && m_decays.any() ? MatrixView<const float>(m_grownCorrects.matrix) : c}, f.readsUndecayed,
                  strict, reads);
    m_decays.gram(queries, keys, f.readsUndecayed, strict, own);
    gemmNN(reads, m_inverse.matrix, corrected);
    gemmNN(corrected, m_erases.matrix, leaving, 1.0F, Into::Add);
    gemmNN(corrected, m_other.matrix, own, 1.0F, Into::Add);
}

MatrixView<const float> MixerChunk::own() const { return m_own.matrix.rowRange(m_place.rows - m_place.queries, m_place.queries); }

MatrixView<const float> MixerChunk::leaving() const { return m_leaving.matrix.rowRange(m_place.rows - m_place.queries, m_place.queries); }

} // namespace attnscope
