// SPDX-License-Identifier: GPL-3.0-or-later
// A short name for a file's content, so that a session notices when its input has changed.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace attnscope {

/// "xxh3-" and 32 hexadecimal digits of the 128-bit XXH3; Io where the file can't be read, Cancelled when stopped.
Result<std::string> contentHash(const std::filesystem::path& path, const RunContext& context = {});

/// The same of arrays and their sizes, and of a text that says what else matters.
std::string contentHash(std::span<const MatrixView<const float>> arrays, std::string_view text);

} // namespace attnscope
