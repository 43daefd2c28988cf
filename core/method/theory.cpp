// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/theory.h"

namespace attnscope {

std::string_view toString(TheoryKind kind)
{
    constexpr std::string_view names[] = {"prediction", "upper bound", "lower bound", "bound up to a constant", "guidance"};
    return names[static_cast<int>(kind)];
}

} // namespace attnscope
