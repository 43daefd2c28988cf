// SPDX-License-Identifier: GPL-3.0-or-later
// Loads the arrays that a method's File parameters name.
#pragma once

#include "core/method/params.h"

namespace attnscope {

/// For each ParamKind::File whose path isn't empty: the array of that file ([rows, cols] or [H, rows, cols]; of several, the one
/// named like the key) as params.tensors[key], [1, H, rows, cols]. An error names the parameter; NaN and infinity are refused.
Result<void> loadParamFiles(const std::vector<ParamSpec>& specs, Params& params);

} // namespace attnscope
