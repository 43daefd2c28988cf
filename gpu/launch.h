// SPDX-License-Identifier: GPL-3.0-or-later
// One run of a method on a stream: between its launches it asks whether to stop.
#pragma once

#include "core/base/run_context.h"
#include "gpu/workspace.h"

#include <array>

namespace attnscope {

class Launch {
public:
    Launch(const Workspace& workspace, const RunContext& context) : m_workspace(workspace), m_context(context) {}

    cudaStream_t stream() const { return m_workspace.stream(); }
    const CudaDevice& device() const { return m_workspace.device(); }

    /// To be called between launches of about 10 to 30 ms each (kPieceSeconds of work): Cancelled within 100 ms of being asked
    /// to stop. Lets the host run two pieces ahead, so that the card never waits for it. `done` is the part finished, 0 to 1.
    Result<void> checkpoint(double done);

    /// How many equal pieces to cut `flops` into, at a rate that the slowest supported card reaches.
    static Index pieces(double flops, double flopsPerSecond);

private:
    const Workspace& m_workspace;
    const RunContext& m_context;
    std::array<Event, 2> m_marks;
    std::size_t m_next = 0;
};

} // namespace attnscope
