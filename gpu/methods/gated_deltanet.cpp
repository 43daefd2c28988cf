// SPDX-License-Identifier: GPL-3.0-or-later
// Gated DeltaNet on the GPU.
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

CudaMethod gated_deltanet()
{
    return {"gated-deltanet", supportsDeltaRow, [](const DeviceInputs& in, const Params& params, Workspace& workspace) {
                return prepareDeltaRow(in, params, DeltaDecay::Token, workspace);
            }};
}

} // namespace attnscope::cuda_methods
