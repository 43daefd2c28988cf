// SPDX-License-Identifier: GPL-3.0-or-later
// The help page of a method, made from its MethodInfo: the same text in the window and on the command line.
#pragma once

#include "core/method/attention_method.h"

#include <string>
#include <vector>

namespace attnscope {

/// A heading and what is said under it.
struct HelpSection {
    std::string heading{};
    std::string text{};
};

/// One parameter as help lists it.
struct ParamHelp {
    std::string key{};
    std::string range{}; ///< "whole number, 1 to 8192, default 256"
    std::string help{};
};

struct MethodHelp {
    std::string title{};
    std::string summary{};
    std::string formula{};
    std::vector<HelpSection> sections{}; ///< assumes, loses, learned, forms, map, cost, source; those that have something to say
    std::vector<ParamHelp> params{};
};

MethodHelp helpOf(const AttentionMethod& method);

/// "causal and bidirectional".
std::string maskText(const MethodInfo& info);

/// "Kernel methods: …" as a heading of lists; the family's own name where it is unknown.
std::string familyTitle(const std::string& family);

} // namespace attnscope
