// SPDX-License-Identifier: GPL-3.0-or-later
// Cards and processors: ceilings that a datasheet states or a published run reached, or kernels measured on this machine.
#pragma once

#include "core/base/result.h"
#include "core/stack/architecture.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attnscope {

struct KernelProfile;
struct RunContext;

struct Card {
    std::string name;
    std::string title;
    std::string source;                          ///< "datasheet", "calibrated" (on a published run) or "measured" (here)
    std::string reference;                       ///< where the ceilings are from, or what was measured and when
    std::map<std::string, double> flopPerSecond; ///< by number format: "bf16", "f16", "f32"; dense
    double mixerFlopPerSecond = 0.0;             ///< of recurrent mixers where it is known to be another; 0: the same
    double bytesPerSecond = 0.0;
    double memoryBytes = 0.0;
    double stepFloorMs = 0.0;                     ///< a step takes at least this; 0 where it isn't known
    double uncertainty = 0.2;                     ///< of ceilings' predictions, as a share: no overlap and no scheduler is in the model
    std::shared_ptr<const KernelProfile> kernels; ///< of a measured card; null otherwise

    /// Of a predicted point: "stated" for a datasheet, "calibrated", and of measured kernels "estimated" within the lengths at which
    /// they were measured and "extrapolated" beyond.
    std::string label(bool extrapolated) const;
};

/// Names that findCard() takes, sorted: the files in resources/cards.
std::vector<std::string> cardNames();

/// InvalidParam for a name that isn't there.
Result<Card> findCard(const std::string& name);

/// This machine, with the kernels that these architectures consist of: taken from the user's cache where they were measured before by
/// this version on this machine, else measured now (some seconds; progress and stop by the context) and kept there. Cancelled.
Result<Card> measuredCard(const std::vector<Architecture>& architectures, bool remeasure, const RunContext& context);

} // namespace attnscope
