// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes, times and counts as sentences about whole architectures write them.
#pragma once

#include <string>

namespace attnscope {

std::string plainBytes(double bytes);  ///< "16 KiB", "97.4 MiB", "4 GiB": three digits
std::string plainTime(double ms);      ///< "820 us", "8.2 ms", "1.32 s", "12 min", "3.4 h"
std::string plainCount(double count);  ///< "8.03 billion", "135 million", "65,536"
std::string plainShare(double share);  ///< "45 %"; "below 1 %" where it is but isn't nothing
std::string plainDigits(double value); ///< three significant digits without an exponent: "1.62", "40"

} // namespace attnscope
