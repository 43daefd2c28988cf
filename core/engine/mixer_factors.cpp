// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_factors.h"

#include "core/compute/mixer_ops.h"

#include <algorithm>

namespace attnscope {

void MixerFactors::readOwn(Index first, std::span<float> weights) const
{
    const auto count = static_cast<Index>(weights.size());
    if (bonus.rows == 0)
        std::copy_n(own.begin() + first, count, weights.begin());
    else
        weightedRowDots(q.rowRange(first, count), write.rowRange(offset() + first, count), bonus.rowRange(first, count), weights);
}

} // namespace attnscope
