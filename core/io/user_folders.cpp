// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/user_folders.h"

#include <cstdlib>

namespace attnscope {

std::optional<std::filesystem::path> userCacheFolder()
{
    // A relative path is to be ignored, by the XDG Base Directory Specification.
    if (const char* chosen = std::getenv("XDG_CACHE_HOME"); chosen && std::filesystem::path(chosen).is_absolute())
        return std::filesystem::path(chosen) / "attnscope";
    if (const char* home = std::getenv("HOME"); home && *home)
        return std::filesystem::path(home) / ".cache" / "attnscope";
    return std::nullopt;
}

} // namespace attnscope
