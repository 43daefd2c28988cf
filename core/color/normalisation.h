// SPDX-License-Identifier: GPL-3.0-or-later
// How a score becomes a position on a colour map: the four scales that a person can choose from.
#pragma once

namespace attnscope {

enum class Normalisation { Log, Linear, Symlog, Sqrt };

} // namespace attnscope
