// SPDX-License-Identifier: GPL-3.0-or-later
// The largest logit and the sum of each row of a softmax map, computed when a row is first read and kept.
#pragma once

#include "core/base/run_context.h"
#include "core/compute/streaming_softmax.h"

#include <atomic>
#include <vector>

namespace attnscope {

/// Thread-safe. Rows are computed in blocks of kStreamQueries, each once and always the same ones, so that a row's norm
/// doesn't depend on what was read first. Threads that need the same rows share the work.
class RowNorms {
public:
    explicit RowNorms(Index rows);

    /// Afterwards max() and inverse() hold for the rows [first, first + count) of the task's queries; O(count keys dim) where they were
    /// not known. False when stopped.
    bool require(const StreamingTask& task, Index first, Index count, const RunContext& context);

    float max(Index row) const { return m_max[static_cast<std::size_t>(row)]; }
    float inverse(Index row) const { return m_inverse[static_cast<std::size_t>(row)]; } ///< 1 / sum exp(logit - max); 0: sees nothing

private:
    enum State : unsigned char { Missing, Claimed, Known };

    void compute(const StreamingTask& task, Index block);

    std::vector<float> m_max;
    std::vector<float> m_inverse;
    std::vector<std::atomic<unsigned char>> m_states; // of blocks
};

} // namespace attnscope
