// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/linear.h"

#include "core/base/parallel.h"
#include "core/compute/few_rows.h"

namespace attnscope {

namespace {

/// Outputs per task: enough to amortise a task, few enough that a block of weights stays in the L2 cache.
constexpr Index OutBlock = 64;

MatrixView<float> columns(MatrixView<float> y, Index first, Index count) { return {y.data + first, y.rows, count, y.stride}; }

} // namespace

bool applyLinear(const Linear& linear, MatrixView<const float> x, MatrixView<float> y, Into into, const RunContext& context)
{
    return parallelFor(linear.weight.rows(), OutBlock, context, [&](Index first, Index last) {
        thread_local std::vector<float> buffer;
        const auto weights = linear.weight.read(first, last - first, buffer);
        const auto block = columns(y, first, last - first);
        if (x.rows <= kFewRows)
            fewRowsNT(x, weights, block, 1.0F, into);
        else
            gemmNT(x, weights, block, 1.0F, into);
        if (linear.bias.empty())
            return;
        const std::span<const float> bias(linear.bias.data() + first, static_cast<std::size_t>(last - first));
        for (Index i = 0; i < block.rows; ++i)
            addScaledRow(block.rowSpan(i), 1.0F, bias);
    });
}

} // namespace attnscope
