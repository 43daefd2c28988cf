// SPDX-License-Identifier: GPL-3.0-or-later
// Sentences for what the operating system says when a file can't be opened, read or written.
#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string>

namespace attnscope {

/// The path in double quotes, for messages.
std::string quoted(const std::filesystem::path& path);

/// Why `path` could not be read; `code` is errno's value.
Error readError(const std::filesystem::path& path, int code);

/// Why `path` could not be written; `code` is errno's value.
Error writeError(const std::filesystem::path& path, int code);

/// A file that was read but is not what it should be.
Error parseError(const std::filesystem::path& path, const std::string& problem, std::string hint);

} // namespace attnscope
