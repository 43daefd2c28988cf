// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/norm.h"

#include <cmath>

namespace attnscope {

void Norm::apply(std::span<const float> x, std::span<float> out) const
{
    const auto width = static_cast<double>(x.size());
    double mean = 0.0;
    if (centred) {
        for (const float value : x)
            mean += value;
        mean /= width;
    }
    double squares = 0.0;
    for (const float value : x)
        squares += (value - mean) * (value - mean);
    const double factor = 1.0 / std::sqrt(squares / width + epsilon);
    for (std::size_t i = 0; i < x.size(); ++i) {
        out[i] = static_cast<float>((x[i] - mean) * factor) * weight[i];
        if (!bias.empty())
            out[i] += bias[i];
    }
}

} // namespace attnscope
