// SPDX-License-Identifier: GPL-3.0-or-later
// A designed stack as a JSON file of our own, which readArchitecture() reads back.
#pragma once

#include "core/base/result.h"
#include "core/stack/architecture.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>

namespace attnscope {

/// Every size of every layer, with "attnscope_stack": 1 on top.
std::string writeStack(const Architecture& architecture);

/// writeStack() to a file, whole or not at all. Io.
Result<void> saveStack(const Architecture& architecture, const std::filesystem::path& path);

bool isStackFile(const nlohmann::json& object);

/// What writeStack() wrote, decidedBy aside, which becomes kDesigned. Parse or InvalidParam with the key that is at fault: `origin`
/// opens the messages. `name` where the file carries none.
Result<Architecture> readStackFile(const nlohmann::json& object, const std::string& origin, const std::string& name);

} // namespace attnscope
