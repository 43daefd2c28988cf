// SPDX-License-Identifier: GPL-3.0-or-later
// Sliding-window attention with global tokens on the GPU.
#include "core/engine/window_support.h"
#include "gpu/sparse_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareWindow(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const KeySupport support = windowSupport({in.shape.queries, in.shape.keys, in.causal, in.window}, params);
    return prepareSparse(in, planSupport(in.shape, support, workspace.device().multiprocessors), workspace);
}

} // namespace

CudaMethod window() { return {"window", supportsSparseBand, prepareWindow, true}; }

} // namespace attnscope::cuda_methods
