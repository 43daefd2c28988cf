// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/key_sums.h"

#include "core/compute/dense.h"
#include "core/compute/plain_features.h"

#include <algorithm>
#include <vector>

namespace attnscope {

void SoftmaxLogs::compute(Side side, MatrixView<const float> x, const FeatureRows& out) const
{
    for (Index i = 0; i < x.rows; ++i) {
        const auto row = out.values.rowSpan(i);
        std::transform(x.row(i), x.row(i) + x.cols, row.begin(), [this](float value) { return m_scale * value; });
        if (side == Side::Query) {
            const auto total = static_cast<float>(logSumExp(row));
            for (float& value : row)
                value -= total;
        }
    }
}

bool SoftmaxLogs::computePlain(Side side, MatrixView<const float> x, MatrixView<float> out) const
{
    return side == Side::Query ? plainSoftmax(x, m_scale, out) : plainScaledExp(x, m_scale, out);
}

KernelState sumOfKeys(const FeatureMap& map, MatrixView<const float> k, MatrixView<const float> v, Index first, Index last,
                      const RunContext& context)
{
    KernelState state(map.features(), v.cols);
    const Index most = std::min(kKeyChunk, last - first);
    Tensor values(1, 1, most, map.features());
    Tensor scaled(1, 1, most, map.features());
    std::vector<float> logScale(static_cast<std::size_t>(most));
    for (Index j = first; j < last && !context.cancelled(); j += most) {
        const Index rows = std::min(most, last - j);
        const auto phi = scaled.matrix().rowRange(0, rows);
        if (state.plain() && map.computePlain(Side::Key, k.rowRange(j, rows), phi)) {
            state.addPlain(phi, v.rowRange(j, rows));
            continue;
        }
        const FeatureRows keys = FeatureRows{values.matrix(), logScale, map.logarithmic()}.first(rows);
        map.computeAt(Side::Key, j, k.rowRange(j, rows), keys);
        const auto shift = state.raisedShift(keys);
        scaleKeys(keys, shift, phi);
        state.add(phi, shift, v.rowRange(j, rows));
    }
    return state;
}

} // namespace attnscope
