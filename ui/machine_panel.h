// SPDX-License-Identifier: GPL-3.0-or-later
// About this machine: processor, memory, GPUs or why there are none, versions.
#pragma once

#include "core/backend.h"

#include <QString>

#include <vector>

namespace attnscope {

/// HTML. `cudaNote` says why there is no GPU; empty where there is one.
QString machineText(const std::vector<const Backend*>& backends, const std::string& cudaNote);

} // namespace attnscope
