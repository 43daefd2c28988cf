// SPDX-License-Identifier: GPL-3.0-or-later
// All methods of core/methods/, in the order in which people meet them; the list is generated from the folder by CMake.
#pragma once

#include "core/method/attention_method.h"

#include <memory>
#include <string_view>
#include <vector>

namespace attnscope {

/// Every method, sorted: exact, kernel, landmark, sparse, recurrent, reference; then by id.
const std::vector<std::unique_ptr<const AttentionMethod>>& allMethods();

/// Null where there is none of that id.
const AttentionMethod* findMethod(std::string_view id);

/// The method, or InvalidParam with the nearest id as the hint.
Result<const AttentionMethod*> requireMethod(std::string_view id);

} // namespace attnscope
