// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/row_norms.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <array>

namespace attnscope {

RowNorms::RowNorms(Index rows)
    : m_max(static_cast<std::size_t>(rows)),
      m_inverse(static_cast<std::size_t>(rows)),
      m_states(static_cast<std::size_t>((rows + kStreamQueries - 1) / kStreamQueries))
{
}

bool RowNorms::require(const StreamingTask& task, Index first, Index count, const RunContext& context)
{
    if (count == 0)
        return true;
    const auto begin = m_states.begin() + first / kStreamQueries;
    const auto end = m_states.begin() + (first + count - 1) / kStreamQueries + 1;
    if (std::all_of(begin, end, [](const auto& state) { return state.load(std::memory_order_acquire) == Known; }))
        return true;
    const Index firstBlock = first / kStreamQueries;
    const bool done = parallelFor(end - begin, 1, context, [&](Index b, Index) {
        auto& state = *(begin + b);
        unsigned char expected = Missing;
        if (!state.compare_exchange_strong(expected, Claimed, std::memory_order_acq_rel))
            return;
        compute(task, firstBlock + b);
        state.store(Known, std::memory_order_release);
        state.notify_all();
    });
    if (!done)
        return false;
    std::for_each(begin, end, [](auto& state) {
        while (state.load(std::memory_order_acquire) != Known)
            state.wait(Claimed, std::memory_order_acquire);
    });
    return true;
}

void RowNorms::compute(const StreamingTask& task, Index block)
{
    std::array<RowNorm, kStreamQueries> norms;
    const Index first = block * kStreamQueries;
    const Index count = std::min(kStreamQueries, task.q.rows - first);
    streamQueries(task, first, count, {}, norms.data());
    for (Index i = 0; i < count; ++i) {
        const RowNorm& norm = norms[static_cast<std::size_t>(i)];
        m_max[static_cast<std::size_t>(first + i)] = norm.max;
        m_inverse[static_cast<std::size_t>(first + i)] = norm.sum > 0.0 ? static_cast<float>(1.0 / norm.sum) : 0.0F;
    }
}

} // namespace attnscope
