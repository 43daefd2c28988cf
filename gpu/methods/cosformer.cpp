// SPDX-License-Identifier: GPL-3.0-or-later
// cosFormer on the GPU.
#include "gpu/kernel_row.h"

#include <algorithm>

namespace attnscope::cuda_methods {

namespace {

Result<CudaRun> prepareCosformer(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    kernels::CardMap map;
    map.kind = kernels::MapKind::Cosine;
    map.clamps = true;
    map.count = in.shape.dim;
    map.features = 2 * in.shape.dim;
    map.eluActivation = params.text("activation") == "elu";
    map.reach = std::max({params.integer("length"), in.shape.queries, in.shape.keys});
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod cosformer() { return {"cosformer", supportsKernelRow, prepareCosformer}; }

} // namespace attnscope::cuda_methods
