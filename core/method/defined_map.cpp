// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/defined_map.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

double definedLogit(const Inputs& inputs, HeadRef head, Index i, Index j)
{
    const auto q = inputs.qOf(head);
    const auto k = inputs.kOf(head);
    double sum = 0.0;
    for (Index c = 0; c < q.cols; ++c)
        sum += static_cast<double>(q(i, c)) * k(j, c);
    return static_cast<double>(inputs.effectiveScale()) * sum;
}

DefinedMap definedSoftmax(const Inputs& inputs, HeadRef head, const std::function<bool(Index, Index)>& keeps)
{
    DefinedMap map(inputs.q.rows(), inputs.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        const auto [first, last] = inputs.mask().visible(i);
        double top = -std::numeric_limits<double>::infinity();
        for (Index j = first; j < last; ++j)
            if (keeps(i, j))
                top = std::max(top, map.at(i, j) = definedLogit(inputs, head, i, j));
        double sum = 0.0;
        for (Index j = first; j < last; ++j)
            sum += map.at(i, j) = keeps(i, j) ? std::exp(map.at(i, j) - top) : 0.0;
        for (Index j = first; j < last && sum > 0.0; ++j)
            map.at(i, j) /= sum;
    }
    return map;
}

} // namespace attnscope
