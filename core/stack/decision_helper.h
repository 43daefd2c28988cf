// SPDX-License-Identifier: GPL-3.0-or-later
// Plain-language advice on whole architectures: which of those loaded suits a use, each sentence with the numbers it rests on.
#pragma once

#include "core/stack/stack_curve.h"

#include <string>
#include <vector>

namespace attnscope {

enum class StackUse {
    LongDocuments,    ///< one long prompt at a time
    ShortPrompts,     ///< a few hundred tokens in, an answer out
    ExactWeights,     ///< attention weights that can be looked at, as interpretability needs
    LongSessions,     ///< conversations whose context grows turn by turn
    SmallClassifiers, ///< short texts in large batches, one answer each, no generation
    Hybrids,          ///< how the layers of a hybrid share the work
};

/// All six, in this order.
std::vector<StackUse> stackUses();

/// "Long documents".
std::string titleOf(StackUse use);

/// What the answer assumes: "one prompt of 65,536 tokens and 1,024 tokens of answer".
struct DecisionQuestion {
    StackUse use = StackUse::LongDocuments;
    double n = 0.0;       ///< tokens of the case; 0: usualLength()
    double batch = 0.0;   ///< 0: usualBatch()
    double answer = -1.0; ///< tokens written; below 0: usualAnswer()
};
double usualLength(StackUse use);
double usualBatch(StackUse use);
double usualAnswer(StackUse use);

struct DecisionLine {
    std::string architecture; ///< that it speaks of; empty: of all
    std::string sentence;     ///< whole, with its numbers
};

struct Decision {
    std::string title;    ///< "Long documents"
    std::string assumes;  ///< one sentence: lengths, batch, card, and whether that is stated or measured
    std::string favoured; ///< name of an architecture; empty where none stands out by more than the uncertainty
    std::string sentence; ///< the answer in one sentence
    std::vector<DecisionLine> reasons;
};

/// From the costs of these architectures on this card; with one architecture it says what that one costs. Empty reasons never.
Decision decide(const std::vector<Architecture>& architectures, const Card& card, const DecisionQuestion& question);

} // namespace attnscope
