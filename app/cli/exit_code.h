// SPDX-License-Identifier: GPL-3.0-or-later
// Exit codes that scripts rely on, and how an Error reaches the terminal: one sentence and a hint on stderr.
#pragma once

#include "core/base/result.h"

namespace attnscope::cli {

inline constexpr int kOk = 0;
inline constexpr int kOther = 1;
inline constexpr int kUsage = 2;
inline constexpr int kBadInput = 3;
inline constexpr int kUnsupported = 4; ///< or does not fit
inline constexpr int kCancelled = 5;

/// Prints the error; 4 for what is unsupported or does not fit, 5 where cancelled, 1 for devices, 3 for the rest.
int fail(const Error& error);

/// As fail(), where an invalid parameter is a mistake on the command line: 2.
int failUsage(const Error& error);

/// As fail(), of a file that was given: 3 where it is of a kind that isn't supported.
int failInput(const Error& error);

/// As fail(), where a file could not be written: 1.
int failOutput(const Error& error);

/// A usage error of our own.
int failUsage(std::string what, std::string hint);

} // namespace attnscope::cli
