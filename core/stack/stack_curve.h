// SPDX-License-Identifier: GPL-3.0-or-later
// Predicted latency and memory of an architecture against length, on a card's ceilings, and where two of them cross.
#pragma once

#include "core/stack/stack_time.h"

#include <optional>

namespace attnscope {

enum class Scenario { Prompt, Generate, Conversation };

/// New tokens of one turn of a conversation, where nothing else is said.
inline constexpr double kTurnTokens = 512.0;

struct StackPoint {
    Index n = 0;
    double prefillMs = 0.0;
    double prefillLowMs = 0.0; ///< as PredictedTime says
    double prefillHighMs = 0.0;
    double decodeMs = 0.0; ///< per token, of the whole batch's step
    double decodeLowMs = 0.0;
    double decodeHighMs = 0.0;
    CostTerms prefillTerms; ///< ms of the parts: the largest says why it takes that long
    CostTerms decodeTerms;  ///< likewise; less than decodeMs together where the fixed cost of a step bounds
    Bound prefillBound = Bound::Arithmetic;
    Bound decodeBound = Bound::Traffic;
    bool prefillExtrapolated = false; ///< to be drawn dashed
    bool decodeExtrapolated = false;
    DecodeBytes moved;    ///< by a decoding step
    double kvBytes = 0.0; ///< held, for the whole batch
    double stateBytes = 0.0;
    double weightBytes = 0.0;
    bool fits = true;             ///< in the card's memory
    double tokensPerSecond = 0.0; ///< that decoding writes, of all sequences
    double largestBatch = 0.0;    ///< sequences that would fit; 0 where not even the weights do, infinite where nothing is held
    std::string label;            ///< "stated", "calibrated", "estimated" or "extrapolated"; then "no prefix reuse", "does not fit"
};

struct StackQuestion {
    Scenario scenario = Scenario::Prompt;
    double batch = 1.0;
    bool prefixReuse = false; ///< for conversations
    int turns = 1;            ///< likewise: how many are computed together
    double turnTokens = kTurnTokens;
};

/// One length of a scenario.
///   Prompt        prefill of n tokens; decoding with n tokens in the cache
///   Generate      n tokens in, n out: decoding at 1.5 n, the mean; the cache at its end, 2 n
///   Conversation  the next turns, each of turnTokens, on n tokens: prefill is what all of them read together. Without prefix reuse
///                 everything is read again in each; with it only the turn, and recurrent layers hold a checkpoint of their state for
///                 each turn to resume from.
StackPoint pointAt(const Architecture& architecture, const Card& card, const StackQuestion& question, double n);

/// One point a length; for conversations first all without and then all with prefix reuse.
std::vector<StackPoint> curveOf(const Architecture& architecture, const Card& card, const StackQuestion& question,
                                const std::vector<Index>& lengths);

struct StackCrossover {
    std::string a;
    std::string b;
    std::string quantity;    ///< "prefill", "decode"; of conversations also "prefill with prefix reuse"
    std::optional<double> n; ///< none in range where empty
    double low = 0.0;        ///< from low to high the two can't be told apart: they differ by less than the card's uncertainty, or
    double high = 0.0;       ///< the intervals of measured kernels overlap
    std::string fasterAfter; ///< the name of the faster one above n, or everywhere where there is no n
};

/// Each crossing between the shortest and the longest length, or one entry without n where there is none.
std::vector<StackCrossover> crossoversOf(const Architecture& a, const Architecture& b, const Card& card, const StackQuestion& question,
                                         const std::vector<Index>& lengths);

} // namespace attnscope
