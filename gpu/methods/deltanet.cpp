// SPDX-License-Identifier: GPL-3.0-or-later
// DeltaNet on the GPU.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

CudaMethod deltanet()
{
    return {"deltanet", supportsDeltaRow, [](const DeviceInputs& in, const Params& params, Workspace& workspace) {
                return prepareDeltaRow(in, params, DeltaDecay::None, workspace);
            }};
}

} // namespace attnscope::cuda_methods
