// SPDX-License-Identifier: GPL-3.0-or-later
// Data-parallel loops over oneTBB that honour a RunContext's threads and its stop request.
#pragma once

#include "core/base/run_context.h"
#include "core/base/shape.h"

#include <functional>

namespace attnscope {

/// Calls body(first, last) for disjoint ranges that cover [0, count), each at most `grain` long, on at most
/// context.threadCount() threads. Returns false, with part of the work undone, when the context was stopped.
bool parallelFor(Index count, Index grain, const RunContext& context, const std::function<void(Index, Index)>& body);

} // namespace attnscope
