// SPDX-License-Identifier: GPL-3.0-or-later
// A whole architecture's time as the sum of measured kernels: the work of each layer times what a unit of it took here.
#pragma once

#include "core/stack/kernel_profile.h"
#include "core/stack/stack_time.h"

namespace attnscope {

/// As prefillTime(). Kernels run one after another, as they do here: no overlap. Pairs at the unit time of the longest row, so that a
/// window costs what it costs at its own length.
PredictedTime prefillByKernels(const Architecture& architecture, const KernelProfile& profile, double batch, double past, double fresh);

/// As decodeTime(). Of experts those that the batch hits on average, each with its share of the rows.
PredictedTime decodeByKernels(const Architecture& architecture, const KernelProfile& profile, double batch, double n);

} // namespace attnscope
