// SPDX-License-Identifier: GPL-3.0-or-later
// How many key-value pairs a recurrent state recalls: the capacity line of linear attention beside what a method does with given keys.
#pragma once

#include "core/method/attention_method.h"

namespace attnscope {

/// Keys of the input, made unit long, are written one after the other and then asked for in another order, nothing being written
/// meanwhile (multi-query associative recall: Arora et al. 2023, Zoology, arXiv:2312.04927, section 3). Predicted: sqrt(d / (m - 1)),
/// the signal-to-noise ratio of plain linear attention for m random keys of width d. Measured: the same ratio in the method's map,
/// with its constants in place of the input's arrays. Up to 4 d keys, but no more than there are. Cancelled, or the method's error.
Result<TheoryCurve> recallCapacityCurve(const AttentionMethod& method, const Inputs& inputs, HeadRef head, const Params& params,
                                        const RunContext& context);

} // namespace attnscope
