// SPDX-License-Identifier: GPL-3.0-or-later
// The closed form of sparse attention's error: what a row's missing keys weigh is its total variation, or bounds it from below.
#pragma once

#include "core/method/attention_method.h"

#include <string>
#include <vector>

namespace attnscope {

/// For each value of the whole-number parameter `key`: the mean exact weight of the cells where the method's map is 0, and the mean
/// total variation measured, over at most 256 queries spread over the sequence. O(values (run + 256 n d)). They are equal where the
/// map is softmax over its support; else (keys counted twice, empty rows) the closed form is a lower bound. Cancelled.
Result<std::vector<TheoryCurve>> lostMassTheory(const AttentionMethod& method, const Inputs& inputs, HeadRef head, Params params,
                                                const std::string& key, const std::vector<double>& values, TheoryKind kind,
                                                const RunContext& context);

} // namespace attnscope
