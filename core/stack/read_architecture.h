// SPDX-License-Identifier: GPL-3.0-or-later
// From a model's config.json to its layers.
#pragma once

#include "core/base/result.h"
#include "core/stack/architecture.h"

#include <filesystem>
#include <string_view>

namespace attnscope {

/// Parse, InvalidParam or Unsupported with the key that is at fault. `origin` opens the messages: "config.json", "\"/tmp/a.json\"".
/// `name` is used where the config carries none.
Result<Architecture> parseArchitecture(std::string_view json, const std::string& origin, const std::string& name);

/// A config.json, any other .json file of that kind, what writeStack() wrote, a file of resources/architectures, or a folder with a
/// config.json; at most 16 MiB.
Result<Architecture> readArchitecture(const std::filesystem::path& path);

} // namespace attnscope
