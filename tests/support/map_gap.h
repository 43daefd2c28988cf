// SPDX-License-Identifier: GPL-3.0-or-later
// How far a kernel's output is from what a method's definition gives, on inputs that every number format holds.
#pragma once

#include "core/base/dtype.h"
#include "core/method/attention_method.h"
#include "support/random_inputs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace attnscope::tests {

/// Cuts to 8 significant bits, which bfloat16 and float16 hold alike: all formats then compute from the same inputs.
inline void shorten(Tensor& tensor)
{
    for (float& x : tensor.values())
        x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xFFFF0000U);
}

inline void shorten(RandomInputs& data)
{
    for (Tensor* const tensor : {&data.q, &data.k, &data.v})
        shorten(*tensor);
}

/// The largest number of a format: what rounds to more is infinite in it.
inline double largestOf(Dtype dtype) { return dtype == Dtype::F16 ? 65504.0 : static_cast<double>(std::numeric_limits<float>::max()); }

/// The largest |o - map v| of a head over the largest |map v|, with numbers beyond `largest`, infinities too, taken for it; NaN where o
/// has one.
inline double gapOf(MatrixView<const float> o, const DefinedMap& map, MatrixView<const float> v, double largest = largestOf(Dtype::F32))
{
    double gap = 0.0;
    double size = 0.0;
    for (Index i = 0; i < o.rows; ++i)
        for (Index c = 0; c < o.cols; ++c) {
            double expected = 0.0;
            for (Index j = 0; j < map.cols; ++j)
                expected += map.at(i, j) * static_cast<double>(v(j, c));
            const double got = static_cast<double>(o(i, c)); // which std::clamp leaves alone where it is NaN
            const double here = std::abs(std::clamp(got, -largest, largest) - std::clamp(expected, -largest, largest));
            gap = std::isnan(here) ? here : std::max(gap, here); // std::max keeps a NaN that came first
            size = std::max(size, std::abs(expected));
        }
    return size > 0.0 ? gap / size : gap;
}

} // namespace attnscope::tests
