// SPDX-License-Identifier: GPL-3.0-or-later
// The card's measured ceilings: products, exponentials, memory.
#pragma once

#include "core/backend.h"
#include "gpu/cuda_device.h"

namespace attnscope {

/// The best of several short runs of each; 2 GB of the card's memory, or an eighth of it. Device, OutOfMemory.
Result<Ceilings> measureCeilings(const CudaDevice& device);

} // namespace attnscope
