// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/launch.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr double kPieceSeconds = 0.02;

} // namespace

Result<void> Launch::checkpoint(double done)
{
    if (m_context.cancelled())
        return cancelledError();
    Event& mark = m_marks[m_next++ % m_marks.size()];
    const auto status = mark.wait(); // set two checkpoints ago
    if (auto reached = checkCuda(status == cudaSuccess ? mark.record(stream()) : status, "running a kernel"); !reached)
        return reached;
    m_context.report(done);
    return m_context.cancelled() ? Result<void>(cancelledError()) : Result<void>();
}

Index Launch::pieces(double flops, double flopsPerSecond)
{
    return std::max<Index>(1, static_cast<Index>(std::ceil(flops / (flopsPerSecond * kPieceSeconds))));
}

} // namespace attnscope
