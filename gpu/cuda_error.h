// SPDX-License-Identifier: GPL-3.0-or-later
// CUDA's status codes as Errors that a user can read.
#pragma once

#include "core/base/result.h"

#include <cuda_runtime_api.h>

namespace attnscope {

/// Ok, OutOfMemory (the card's memory), or Device with CUDA's own words.
Result<void> checkCuda(cudaError_t status, const char* doing);

} // namespace attnscope
