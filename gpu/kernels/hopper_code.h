// SPDX-License-Identifier: GPL-3.0-or-later
// Which of the program's instruction sets the current device runs.
#pragma once

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Whether kernels built for sm_90a run here: not on other cards, nor where the program was built for sm_80 alone.
cudaError_t findHopperCode(bool& found);

} // namespace attnscope::kernels
