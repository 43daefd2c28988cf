// SPDX-License-Identifier: GPL-3.0-or-later
// The second-order Taylor polynomial on the GPU.
#include "core/engine/taylor_features.h"
#include "gpu/kernel_row.h"

#include <cmath>

namespace attnscope::cuda_methods {

namespace {

Result<void> supportsTaylor(const CudaQuestion& question)
{
    if (question.params && taylorDim(question.shape.dim, question.params->integer("dim")) < question.shape.dim)
        return onlyOnCpu("a Taylor polynomial of principal dimensions");
    return supportsKernelRow(question);
}

Result<CudaRun> prepareTaylor(const DeviceInputs& in, const Params&, Workspace& workspace)
{
    kernels::CardMap map;
    map.kind = kernels::MapKind::Taylor;
    map.count = in.shape.dim;
    map.features = taylorCount(in.shape.dim);
    map.factor = std::sqrt(in.scale);
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod taylor() { return {"taylor", supportsTaylor, prepareTaylor}; }

} // namespace attnscope::cuda_methods
