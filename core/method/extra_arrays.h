// SPDX-License-Identifier: GPL-3.0-or-later
// What a method may take from the input besides q, k and v: gates, steps and decays of tokens and heads, by name.
#pragma once

#include "core/base/result.h"
#include "core/base/tensor.h"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace attnscope {

/// [B or 1, H, Hkv or 1 heads, N or 1 tokens, width]; a size of 1 stands for all. Width 1: a number per token.
using ExtraArrays = std::map<std::string, TensorView<const float>, std::less<>>;

struct KnownArray {
    std::string_view name;
    std::string_view meaning; ///< "log decay of each token, of the state or of each of its channels"
};

/// All names there are; an array of another name is none of our business. In ASCII order.
std::span<const KnownArray> knownArrays();

bool isKnownArray(std::string_view name);

struct Inputs;

/// InvalidShape where an array doesn't go with q and k. Part of validate(inputs).
Result<void> validateArrays(const Inputs& inputs);

} // namespace attnscope
