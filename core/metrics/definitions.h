// SPDX-License-Identifier: GPL-3.0-or-later
// What every method is by definition: its implied map in float64, by plain loops written from the equations.
#pragma once

#include "core/base/result.h"
#include "core/method/inputs.h"
#include "core/method/params.h"

#include <functional>
#include <string_view>
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

struct Definition {
    std::string_view method;
    std::function<Result<DefinedMap>(const Inputs&, HeadRef, const Params&)> evaluate;
};

/// Null where the method has none.
const Definition* findDefinition(std::string_view method);

namespace definitions {

// Shared by the definitions of several methods.

/// scale q_i . k_j.
double logit(const Inputs& inputs, HeadRef head, Index i, Index j);

/// Softmax of each row over the keys that `keeps(i, j)` admits among the visible ones.
DefinedMap softmaxOver(const Inputs& inputs, HeadRef head, const std::function<bool(Index, Index)>& keeps);

Result<DefinedMap> linearElu(const Inputs& inputs, HeadRef head, const Params& params);
Result<DefinedMap> performer(const Inputs& inputs, HeadRef head, const Params& params);
Result<DefinedMap> linformer(const Inputs& inputs, HeadRef head, const Params& params);
Result<DefinedMap> truncatedSvd(const Inputs& inputs, HeadRef head, const Params& params);

} // namespace definitions

} // namespace attnscope
