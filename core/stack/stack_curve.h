// SPDX-License-Identifier: GPL-3.0-or-later
// Predicted latency and memory of an architecture against length, on a card's ceilings, and where two of them cross.
#pragma once

#include "core/stack/card.h"
#include "core/stack/stack_cost.h"

#include <optional>

namespace attnscope {

enum class Scenario { Prompt, Generate, Conversation };

/// New tokens of one turn of a conversation.
inline constexpr double kTurnTokens = 512.0;

struct StackPoint {
    Index n = 0;
    double prefillMs = 0.0;
    double decodeMs = 0.0;  ///< per token, of the whole batch's step
    CostTerms prefillTerms; ///< ms of what bounds it, arithmetic or traffic
    CostTerms decodeTerms;  ///< likewise; less than decodeMs together where the card's floor is
    DecodeBytes moved;      ///< by that step: which of the three is largest says why it takes that long
    double kvBytes = 0.0;   ///< held, for the whole batch
    double stateBytes = 0.0;
    double weightBytes = 0.0;
    bool fits = true;
    std::string label; ///< "stated" or "extrapolated", and what else is to be known: "no prefix reuse", "does not fit"
};

struct StackQuestion {
    Scenario scenario = Scenario::Prompt;
    double batch = 1.0;
    bool prefixReuse = false; ///< for conversations
};

/// Roofline of one length: the larger of FLOP over the rate and bytes over the bandwidth.
///   Prompt        prefill of n tokens; decoding with n tokens in the cache
///   Generate      n tokens in, n out: decoding at 1.5 n, the mean; the cache at its end, 2 n
///   Conversation  the next turn of kTurnTokens on n tokens. Without prefix reuse n + turn tokens are read again; with it only
///                 the turn, and recurrent layers hold one checkpoint of their state more.
StackPoint pointAt(const Architecture& architecture, const Card& card, const StackQuestion& question, double n);

/// One point a length; for conversations first all without and then all with prefix reuse.
std::vector<StackPoint> curveOf(const Architecture& architecture, const Card& card, const StackQuestion& question,
                                const std::vector<Index>& lengths);

struct StackCrossover {
    std::string a;
    std::string b;
    std::string quantity;    ///< "prefill", "decode"; of conversations also "prefill with prefix reuse"
    std::optional<double> n; ///< none in range where empty
    double low = 0.0;        ///< from low to high the two differ by less than the model's 20 %
    double high = 0.0;
    std::string fasterAfter; ///< the name of the faster one above n, or everywhere where there is no n
};

/// Each crossing between the shortest and the longest length, or one entry without n where there is none.
std::vector<StackCrossover> crossoversOf(const Architecture& a, const Architecture& b, const Card& card, const StackQuestion& question,
                                         const std::vector<Index>& lengths);

} // namespace attnscope
