// SPDX-License-Identifier: GPL-3.0-or-later
// The parameters of a method: their description (ParamSpec) and one set of values (Params).
#pragma once

#include "core/base/result.h"
#include "core/base/tensor.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope {

enum class ParamKind { Number, Choice, File };

/// One parameter as forms, help and the command line show it.
struct ParamSpec {
    std::string key{};    ///< "features": what scripts write
    std::string label{};  ///< "Random features": what forms show
    std::string unit{};   ///< "" where it has none
    double initial = 0.0; ///< Number only, like min, max and integer
    double min = 0.0;
    double max = 0.0;
    bool integer = false;
    ParamKind kind = ParamKind::Number;
    std::vector<std::string> choices{}; ///< Choice only; the first is the default
    std::string help{};                 ///< one sentence
};

/// Values by key. Made by makeParams, so that each key of the method is there and in range.
struct Params {
    std::map<std::string, double, std::less<>> numbers;
    std::map<std::string, std::string, std::less<>> texts;                     ///< choices, and paths of files
    std::map<std::string, std::shared_ptr<const Tensor>, std::less<>> tensors; ///< what the File parameters held
    std::uint64_t seed = 0;

    double number(std::string_view key) const;
    Index integer(std::string_view key) const;
    const std::string& text(std::string_view key) const;
    const Tensor* tensor(std::string_view key) const; ///< null where no file was given

    /// "features=256 map=positive projection=orthogonal seed=0": for captions and tables.
    std::string describe(const std::vector<ParamSpec>& specs) const;
};

using ParamText = std::pair<std::string, std::string>; ///< key, value as written by a person

/// Defaults overridden by `given`; an unknown key, a value that isn't a number or is out of range, or an unknown
/// choice is an InvalidParam that names the key and what is allowed. Files are not read here (see io/param_files.h).
Result<Params> makeParams(const std::vector<ParamSpec>& specs, const std::vector<ParamText>& given, std::uint64_t seed = 0);

/// Defaults alone.
Params defaultParams(const std::vector<ParamSpec>& specs, std::uint64_t seed = 0);

} // namespace attnscope
