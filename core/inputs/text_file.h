// SPDX-License-Identifier: GPL-3.0-or-later
// Texts from files and standard input: UTF-8 or refused.
#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace attnscope {

/// Where the first bytes that are no UTF-8 begin; npos where all are.
std::size_t findInvalidUtf8(std::string_view text);

/// Without a byte order mark; Parse where the text is empty, holds zero bytes, or is not UTF-8 (with the offset). `origin` names it
/// in messages: "The file ..." or "The text".
Result<std::string> checkText(std::string text, const std::string& origin);

/// The whole file; at most 256 MB.
Result<std::string> readTextFile(const std::filesystem::path& path);

/// All of standard input.
Result<std::string> readTextFromStdin();

} // namespace attnscope
