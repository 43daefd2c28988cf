// SPDX-License-Identifier: GPL-3.0-or-later
// The second-order Taylor polynomial on the GPU.
#include "core/engine/taylor_features.h"
#include "gpu/kernel_row.h"

#include <cmath>

namespace attnscope::cuda_methods {

namespace {

/// Each head's principal directions [B heads, count, D] on the card; the CPU finds them.
Result<const float*> uploadDirections(const DeviceInputs& in, Index count, Workspace& workspace)
{
    std::vector<float> all;
    for (Index h = 0; h < in.shape.batch * in.shape.heads; ++h) {
        const HeadRef head{h / in.shape.heads, h % in.shape.heads};
        const auto directions = principalDirections(in.host->qOf(head), in.host->kOf(head), count, *in.context);
        if (!directions)
            return cancelledError();
        all.insert(all.end(), directions->values().begin(), directions->values().end());
    }
    return workspace.upload(std::span<const float>(all));
}

Result<CudaRun> prepareTaylor(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    kernels::CardMap map;
    map.kind = kernels::MapKind::Taylor;
    map.count = taylorDim(in.shape.dim, params.integer("dim"));
    map.features = taylorCount(map.count);
    map.factor = std::sqrt(in.scale);
    if (map.count < in.shape.dim) {
        const auto directions = uploadDirections(in, map.count, workspace);
        if (!directions)
            return directions.error();
        map.wq = map.wk = *directions;
        map.perHead = true;
    }
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod taylor() { return {"taylor", supportsKernelRow, prepareTaylor}; }

} // namespace attnscope::cuda_methods
