// SPDX-License-Identifier: GPL-3.0-or-later
// Measured kernels as a file in the user's cache: read back only on the same machine and by the same version.
#pragma once

#include "core/base/result.h"
#include "core/stack/kernel_profile.h"

#include <filesystem>

namespace attnscope {

/// Processor, vectors, memory, threads, compiler and version in one line: what measured times belong to.
std::string kernelMachine(int threads);

/// kernels-<threads>.json in userCacheFolder(); empty where there is none.
std::filesystem::path kernelCachePath(int threads);

/// The profile as JSON, and back. A text that is damaged, or whose machine is another, gives an empty profile of `machine`: the kernels
/// are then measured again.
std::string writeKernelProfile(const KernelProfile& profile);
KernelProfile readKernelProfile(std::string_view json, const std::string& machine);

/// Of a file; an empty profile where it is missing.
KernelProfile loadKernelProfile(const std::filesystem::path& path, const std::string& machine);

/// Makes the folder. Io.
Result<void> saveKernelProfile(const KernelProfile& profile, const std::filesystem::path& path);

} // namespace attnscope
