// SPDX-License-Identifier: GPL-3.0-or-later
// What maps and row statistics of one head share: its operands on the card, and the pass over the keys, in pieces.
#pragma once

#include "core/method/inputs.h"
#include "gpu/kernels/map.h"
#include "gpu/launch.h"
#include "gpu/tensor_operands.h"

namespace attnscope {

kernels::CardLimits limitsOf(const CudaDevice& device);

/// Keys that query 0 sees; each later query sees one more, up to all.
Index firstVisibleKeys(const Inputs& inputs);

/// On the card when it returns. OutOfMemory, Device.
Result<kernels::MapOperand> uploadOperand(MatrixView<const float> from, int parts, Workspace& workspace);

/// q, k and the scale of one head.
Result<kernels::ExactTerm> uploadExactTerm(const Inputs& inputs, HeadRef head, int parts, Workspace& workspace);

/// What `to` asks for, in pieces between which it can be stopped; asynchronous.
Result<void> runRowStatistics(const kernels::ExactTerm& exact, Index firstVisible, int parts, const kernels::RowStatistics& to,
                              const Workspace& workspace, const RunContext& context);

} // namespace attnscope
