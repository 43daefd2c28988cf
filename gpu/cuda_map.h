// SPDX-License-Identifier: GPL-3.0-or-later
// Maps of one head whose blocks are computed on the card: the exact one, factored ones, and the difference of one of each.
#pragma once

#include "core/method/inputs.h"
#include "core/scores/difference.h"
#include "gpu/cuda_method.h"

#include <functional>
#include <memory>

namespace attnscope {

using SharedSource = std::shared_ptr<const ScoreSource>;

/// The same map on the CPU, made when first needed: where the card's memory ends, or the card is lost.
using CpuMap = std::function<Result<SharedSource>()>;

/// Whether it is one of this file's, whose blocks a card computes.
bool isCudaMap(const ScoreSource& map);

/// softmax(scale q k^T) of one head; one pass over the keys for the rows' log-sum-exp happens here. `device` must outlive the source. F32:
/// float32 accuracy; other formats: operands of 11 significant bits.
Result<SharedSource> makeCudaSoftmaxMap(const CudaDevice& device, const Inputs& inputs, HeadRef head, Dtype dtype, CpuMap onCpu,
                                        const RunContext& context);

/// A source that makeLowRankSource() made, with its factors on the card.
Result<SharedSource> makeCudaFactoredMap(const CudaDevice& device, SharedSource source, Dtype dtype);

/// a - b as makeDifference, computed on the card where one is an exact and the other a factored map of this file with the same mask and the
/// metric is not relative; null where it can't be.
SharedSource makeCudaDifference(const SharedSource& a, const SharedSource& b, DifferenceMetric metric);

} // namespace attnscope
