// SPDX-License-Identifier: GPL-3.0-or-later
// The Linear Transformer on the GPU.
#include "gpu/kernel_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareElu(const DeviceInputs& in, const Params&, Workspace& workspace)
{
    kernels::CardMap map;
    map.kind = kernels::MapKind::Elu;
    map.features = map.count = in.shape.dim;
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod linear_elu() { return {"linear-elu", supportsKernelRow, prepareElu}; }

} // namespace attnscope::cuda_methods
