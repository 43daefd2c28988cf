// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/parallel.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

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
    // oneTBB warns on stderr where more threads are asked for than the machine has.
    tbb::task_arena arena(std::min(context.threadCount(), tbb::info::default_concurrency()));
    arena.execute([&] {
        const tbb::blocked_range<Index> range(0, (count + step - 1) / step, 1);
        tbb::parallel_for(
            range,
            [&](const tbb::blocked_range<Index>& chunk) {
                for (Index i = chunk.begin(); i != chunk.end() && !context.cancelled(); ++i)
                    body(i * step, std::min(count, (i + 1) * step));
            },
            tbb::simple_partitioner());
    });
    return !context.cancelled();
}

} // namespace attnscope
