// SPDX-License-Identifier: GPL-3.0-or-later
// Kimi Delta Attention on the GPU.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

CudaMethod kda()
{
    return {"kda", supportsDeltaRow, [](const DeviceInputs& in, const Params& params, Workspace& workspace) {
                return prepareDeltaRow(in, params, DeltaDecay::Channel, workspace);
            }};
}

} // namespace attnscope::cuda_methods
