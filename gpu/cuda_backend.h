// SPDX-License-Identifier: GPL-3.0-or-later
// The CUDA devices of this machine as Backends.
#pragma once

#include "core/backend.h"

#include <string>
#include <vector>

namespace attnscope {

/// One backend per device, "cuda:0" first, in float32 (see Backend::in); empty where there is none. They live as long as the program.
const std::vector<const Backend*>& cudaBackends();

/// Why cudaBackends() is empty ("built without CUDA", "no NVIDIA driver", ...); empty where it is not.
std::string cudaUnavailableReason();

} // namespace attnscope
