// SPDX-License-Identifier: GPL-3.0-or-later
// Ceilings of a card or processor: arithmetic, memory bandwidth and memory, as a datasheet states them or as measured here.
#pragma once

#include "core/base/result.h"

#include <map>
#include <string>
#include <vector>

namespace attnscope {

struct RunContext;

struct Card {
    std::string name;
    std::string title;
    std::string source;                          ///< "datasheet" or "measured"
    std::map<std::string, double> flopPerSecond; ///< by number format: "bf16", "f16", "f32"; dense
    double bytesPerSecond = 0.0;
    double memoryBytes = 0.0;
    double stepFloorMs = 0.0; ///< a step takes at least this; 0 where it isn't known
    /// "stated" for a datasheet, "extrapolated" where one kernel's measured rate stands for a whole model.
    std::string label() const { return source == "datasheet" ? "stated" : "extrapolated"; }
};

/// Names that findCard() takes, sorted: the files in resources/cards.
std::vector<std::string> cardNames();

/// InvalidParam for a name that isn't there.
Result<Card> findCard(const std::string& name);

/// This machine: streaming softmax's measured arithmetic rate and a measured copy of memory. Takes a fraction of a second.
Card measuredCard(const RunContext& context);

} // namespace attnscope
