// SPDX-License-Identifier: GPL-3.0-or-later
// The CUDA devices of this machine as Backends.
#pragma once

#include "core/backend.h"

#include <memory>
#include <string>
#include <vector>

namespace attnscope {

/// One backend per device, "cuda:0" first; empty where there is none.
const std::vector<std::unique_ptr<const Backend>>& cudaBackends();

/// Why cudaBackends() is empty ("built without CUDA", "no NVIDIA driver", ...); empty where it is not.
std::string cudaUnavailableReason();

} // namespace attnscope
