// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_state.h"

#include "core/compute/dense.h"
#include "core/compute/mixer_ops.h"

#include <algorithm>

namespace attnscope {

MixerState::MixerState(Index width, Index valueDim)
    : m_sums(static_cast<std::size_t>(width * valueDim), 0.0),
      m_rounded(1, 1, width, valueDim),
      m_added(1, 1, width, valueDim),
      m_erased(1, 1, kMixerChunk, valueDim),
      m_kept(1, 1, kMixerChunk, valueDim)
{
    std::fill(m_rounded.values().begin(), m_rounded.values().end(), 0.0F);
}

void MixerState::advance(const MixerChunk& chunk, MatrixView<const float> v)
{
    const auto added = m_added.matrix();
    const auto erased = m_erased.matrix().rowRange(0, chunk.rows());
    if (chunk.erases().rows == 0)
        gemmTN(chunk.writes(), v, added);
    else {
        gemmNN(chunk.erases(), values(), erased);
        if (chunk.corrects().rows > 0) {
            gemmTN(chunk.writes(), v, added);
            gemmTN(chunk.corrects(), erased, added, 1.0F, Into::Add);
        } else {
            const auto kept = m_kept.matrix().rowRange(0, chunk.rows());
            for (Index r = 0; r < kept.rows; ++r)
                std::copy_n(v.row(r), v.cols, kept.row(r));
            subtractFrom(erased, kept);
            gemmTN(chunk.writes(), kept, added);
        }
    }
    const auto factors = chunk.factors();
    const auto width = static_cast<std::size_t>(added.cols);
    for (Index r = 0; r < added.rows; ++r)
        advanceSums(std::span(m_sums).subspan(static_cast<std::size_t>(r) * width, width),
                    factors[factors.size() > 1 ? static_cast<std::size_t>(r) : 0], added.rowSpan(r), m_rounded.matrix().rowSpan(r));
}

void answerChunk(const MixerChunk& chunk, MatrixView<const float> before, MatrixView<const float> v, float scale,
                 std::span<const float> own, MatrixView<float> out)
{
    gemmNN(chunk.leaving(), before, out, scale);
    gemmNN(chunk.own(), v, out, scale, Into::Add);
    const Index absent = chunk.rows() - chunk.queries();
    for (Index i = 0; i < out.rows && !own.empty(); ++i)
        addScaledRow(out.rowSpan(i), own[static_cast<std::size_t>(i)], v.rowSpan(absent + i));
}

} // namespace attnscope
