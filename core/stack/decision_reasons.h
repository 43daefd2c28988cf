// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of one architecture that a decision rests on, and the sentences that state them.
#pragma once

#include "core/stack/decision_helper.h"

namespace attnscope {

/// A DecisionQuestion without blanks.
struct DecisionCase {
    StackUse use = StackUse::LongDocuments;
    double n = 0.0;
    double batch = 1.0;
    double answer = 0.0;
};

struct DecisionFigures {
    std::string name;
    double score = 0.0;   ///< the smaller the better: ms of the whole case; of ExactWeights layers that don't attend, as a share + 1
    double active = 0.0;  ///< parameters at work per token
    bool fits = true;     ///< in the card's memory
    bool meant = true;    ///< the use is about such architectures: hybrids alone for Hybrids
    std::string headline; ///< the score in words: "12.4 s in all"
    std::vector<std::string> sentences;
};

DecisionFigures figuresOf(const Architecture& architecture, const Card& card, const DecisionCase& asked);

/// What is to be known of all together: sizes and number formats that differ. `figures` in the order of `architectures`.
std::vector<std::string> commonReasons(const std::vector<Architecture>& architectures, const std::vector<DecisionFigures>& figures,
                                       const DecisionCase& asked);

/// The sizes are so far apart that times say little about mixers.
bool sizesDiffer(double a, double b);

} // namespace attnscope
