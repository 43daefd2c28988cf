// SPDX-License-Identifier: GPL-3.0-or-later
// Methods with their parameters as one line of text: "performer:features=256,map=trig;linformer:rank=64".
#pragma once

#include "core/method/attention_method.h"

#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

/// A method and the values to run it with.
struct MethodChoice {
    const AttentionMethod* method = nullptr;
    Params params;
};

/// "ID" or "ID:key=value,key=value". InvalidParam names the unknown method or key, or says what a pair looks like.
/// Files of File parameters are not read here.
Result<MethodChoice> parseMethod(std::string_view text, std::uint64_t seed = 0);

/// Several of them, separated by semicolons; blanks around parts are ignored. InvalidParam where there is none.
Result<std::vector<MethodChoice>> parseMethodList(std::string_view text, std::uint64_t seed = 0);

/// "key=value" split at the first '='; InvalidParam where there is none or the key is empty.
Result<ParamText> parseParam(std::string_view text);

/// The reverse of parseMethod, with every parameter that differs from its default: "performer:features=128".
std::string formatMethod(const MethodChoice& choice);
std::string formatMethodList(const std::vector<MethodChoice>& choices);

} // namespace attnscope
