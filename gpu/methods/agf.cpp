// SPDX-License-Identifier: GPL-3.0-or-later
// AGF on the GPU as it is at its start, where its filter is 1 and it equals Efficient Attention.
#include "core/engine/graph_filter.h"
#include "gpu/kernel_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<void> supportsAgf(const CudaQuestion& question)
{
    if (question.params && question.params->text("theta") != "init")
        return onlyOnCpu("AGF with other coefficients than its first ones");
    return supportsKernelRow(question);
}

Result<CudaRun> prepareAgf(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    if (auto valid = FilterPolynomials::from(params); !valid)
        return valid.error();
    kernels::CardMap map;
    map.kind = kernels::MapKind::Softmaxes;
    map.features = map.count = in.shape.dim;
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod agf() { return {"agf", supportsAgf, prepareAgf}; }

} // namespace attnscope::cuda_methods
