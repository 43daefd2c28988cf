// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the model folder to read texts with: the one a person chose, or the model that comes with the program.
#pragma once

#include "core/base/result.h"

#include <filesystem>

namespace attnscope {

/// resources/models/attnscope-mini, wherever the resources lie (see core/base/resources.h). Io where it is missing.
Result<std::filesystem::path> bundledModelFolder();

/// `chosen` where it is a folder with a config.json, the bundled model where it is empty. Io otherwise.
Result<std::filesystem::path> resolveModelFolder(const std::filesystem::path& chosen);

} // namespace attnscope
