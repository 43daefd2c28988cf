// SPDX-License-Identifier: GPL-3.0-or-later
// What a method is by definition: its implied map of one head in float64, and the parts that several definitions share.
#pragma once

#include "core/method/inputs.h"

#include <functional>
#include <vector>

namespace attnscope {

/// One head's map, and how much the result magnifies the rounding errors of its inputs.
struct DefinedMap {
    Index rows = 0;
    Index cols = 0;
    std::vector<double> cells; ///< [rows, cols]
    double condition = 1.0;

    DefinedMap(Index n, Index m) : rows(n), cols(m), cells(static_cast<std::size_t>(n * m), 0.0) {}
    double& at(Index i, Index j) { return cells[static_cast<std::size_t>(i * cols + j)]; }
    double at(Index i, Index j) const { return cells[static_cast<std::size_t>(i * cols + j)]; }
};

/// scale q_i . k_j.
double definedLogit(const Inputs& inputs, HeadRef head, Index i, Index j);

/// Softmax of each row over the keys that `keeps(i, j)` admits among the visible ones; a row that keeps none is 0.
DefinedMap definedSoftmax(const Inputs& inputs, HeadRef head, const std::function<bool(Index, Index)>& keeps);

} // namespace attnscope
