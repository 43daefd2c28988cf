// SPDX-License-Identifier: GPL-3.0-or-later
// Lists and ranges of whole numbers as options write them.
#pragma once

#include "core/base/result.h"
#include "core/base/shape.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope::cli {

/// "64:65536" (doubling), "100,200,400", or both mixed; sorted, each once. InvalidParam where it is neither.
Result<std::vector<Index>> parseLengths(std::string_view text);

/// "0,3,5": as written. InvalidParam where an item is no whole number from 0.
Result<std::vector<Index>> parseIndices(std::string_view text);

/// "a:b" with 0 <= a < b, or "a:" and ":b" with the ends of [0, size). InvalidParam where it leaves [0, size).
Result<std::pair<Index, Index>> parseRange(std::string_view text, Index size);

/// "B:H", or "H" for batch entry 0.
Result<HeadRef> parseHead(std::string_view text);

/// For options that need a positive, finite number: empty, or what is wrong.
std::string checkPositive(const std::string& text);

} // namespace attnscope::cli
