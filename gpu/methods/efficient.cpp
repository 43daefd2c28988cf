// SPDX-License-Identifier: GPL-3.0-or-later
// Efficient Attention on the GPU.
#include "gpu/kernel_row.h"

#include <cmath>

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareEfficient(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    kernels::CardMap map;
    map.kind = kernels::MapKind::Softmaxes;
    map.features = map.count = in.shape.dim;
    map.factor = params.text("inputs") == "scaled" ? std::sqrt(in.scale) : 1.0F;
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod efficient() { return {"efficient", supportsKernelRow, prepareEfficient}; }

} // namespace attnscope::cuda_methods
