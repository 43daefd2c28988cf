// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/parallel.h"

#include "core/base/workers.h"

#include <algorithm>

namespace attnscope {

bool parallelFor(Index count, Index grain, const RunContext& context, const std::function<void(Index, Index)>& body)
{
    const Index step = std::max<Index>(1, grain);
    if (context.threadCount() == 1 || count <= step) {
        for (Index first = 0; first < count && !context.cancelled(); first += step)
            body(first, std::min(count, first + step));
        return !context.cancelled();
    }
    const auto chunk = [&](Index i) {
        if (!context.cancelled())
            body(i * step, std::min(count, (i + 1) * step));
    };
    using Chunk = decltype(chunk);
    runOnWorkers(
        context.threadCount(), (count + step - 1) / step, [](const void* argument, Index i) { (*static_cast<Chunk*>(argument))(i); },
        &chunk);
    return !context.cancelled();
}

} // namespace attnscope
