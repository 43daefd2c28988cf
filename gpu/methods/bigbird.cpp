// SPDX-License-Identifier: GPL-3.0-or-later
// BigBird on the GPU: the blocks that the CPU draws.
#include "gpu/sparse_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareBigbird(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const BlockPattern pattern{in.shape.keys, params.integer("block"), params.integer("random"), params.seed};
    return prepareSparse(in, planBlocks(in.shape, in.first, pattern, workspace.device().multiprocessors), workspace);
}

} // namespace

CudaMethod bigbird() { return {"bigbird", supportsSparseBand, prepareBigbird}; }

} // namespace attnscope::cuda_methods
