// SPDX-License-Identifier: GPL-3.0-or-later
// Which families of approximations suit the loaded Q, K, V: what the exact map is like, and what was measured on it.
#pragma once

#include "core/metrics/input_profile.h"
#include "core/session/evaluation.h"

#include <string>
#include <vector>

namespace attnscope {

/// Errors are measured on at most this many tokens, the first of the sequence.
inline constexpr Index kAdviceTokens = 1024;

/// One method at its defaults, measured.
struct AdviceLine {
    std::string method{}; ///< id
    std::string family{};
    double mapRelFrobenius = 0.0;
    double outputRelFrobenius = 0.0;
    double totalVariation = 0.0;
    std::string label{}; ///< how the mask was changed for it, or that it leaves nothing out here; empty where there is nothing to say
};

struct Advice {
    InputProfile profile;
    std::vector<std::string> findings{}; ///< one sentence each: what the map is like and whom that favours
    std::vector<std::string> favoured{}; ///< families that the findings favour; may be empty
    std::vector<AdviceLine> lines{};     ///< kernel, landmark and sparse methods, smallest output error first
    Index tokens = 0;                    ///< that the errors were measured on
    double uniformOutputError = 0.0;     ///< of uniform attention: what is no better than it has learned nothing

    std::string summary() const; ///< one line for people
};

/// Of one head of `inputs`, [1, 1, N, D]. Progress over the methods; Cancelled. Methods that refuse these inputs are left out.
Result<Advice> adviceFor(const Inputs& inputs, const RunContext& context);

} // namespace attnscope
