// SPDX-License-Identifier: GPL-3.0-or-later
// Where the program may keep what it can make again.
#pragma once

#include <filesystem>
#include <optional>

namespace attnscope {

/// $XDG_CACHE_HOME/attnscope, or ~/.cache/attnscope; none where neither variable is set. It need not exist yet.
std::optional<std::filesystem::path> userCacheFolder();

} // namespace attnscope
