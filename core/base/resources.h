// SPDX-License-Identifier: GPL-3.0-or-later
// Where the files that come with the program lie: models, samples, lessons.
#pragma once

#include <filesystem>
#include <optional>

namespace attnscope {

/// The path of `name` ("models/attnscope-mini") in the first place that has it: the folder that the environment variable
/// ATTNSCOPE_RESOURCES names; resources/ or share/attnscope/ beside the running program or above it; the resources/ of the source tree.
std::optional<std::filesystem::path> findResource(const std::filesystem::path& name);

/// The same with the program's folder given.
std::optional<std::filesystem::path> findResource(const std::filesystem::path& name, const std::filesystem::path& programFolder);

} // namespace attnscope
