// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the kernels that whole architectures consist of on this machine and keeps what a unit of their work takes.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/stack/kernel_profile.h"

namespace attnscope {

/// Samples of one kernel on as many heads as there are threads, in float32, each from at least three runs within about a second in
/// all. Cancelled; Unsupported for a method that isn't there.
Result<std::vector<KernelSample>> measureKernel(const KernelSpec& spec, const RunContext& context);

/// Adds to `profile` what it lacks of these kernels; reports progress. Cancelled, with what was measured until then kept.
Result<void> measureMissing(const std::vector<KernelSpec>& specs, KernelProfile& profile, const RunContext& context);

} // namespace attnscope
