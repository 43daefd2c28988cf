// SPDX-License-Identifier: GPL-3.0-or-later
// How whole architectures are read and predicted, with a worked example against a published run: for the help.
#pragma once

#include <string>

namespace attnscope {

/// Plain text in paragraphs of lines below 100 columns; the example's numbers are computed when asked for.
std::string stackHelp();

} // namespace attnscope
