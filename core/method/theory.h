// SPDX-License-Identifier: GPL-3.0-or-later
// What a theorem or a closed form says of a method's error on given inputs, beside what is measured on them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

/// What kind of statement a curve is; said beside it.
enum class TheoryKind { Prediction, UpperBound, LowerBound, UpToConstant, Guidance };

std::string_view toString(TheoryKind kind); ///< "upper bound"

/// One statement. `x` may be empty: then `caption` alone is said, such as why no theory applies.
struct TheoryCurve {
    std::string title{};    ///< "Relative RMS error of the kernel estimate"
    std::string source{};   ///< "Choromanski et al. 2021, Lemma 2"
    std::string quantity{}; ///< what the values are: "relative error of exp(q·k)", "total variation"
    std::string axis{};     ///< what x is: a parameter's key, "query" or "distance"
    TheoryKind kind = TheoryKind::Prediction;
    std::vector<double> x{};
    std::vector<double> predicted{}; ///< of the same length as x
    std::vector<double> measured{};  ///< the same quantity measured on these inputs, at each x; empty where it wasn't
    std::string caption{};           ///< one or two sentences: what holds, what doesn't
};

} // namespace attnscope
