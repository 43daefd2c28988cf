// SPDX-License-Identifier: GPL-3.0-or-later
// The four arrangements of the window: Compare, Inspect, Measure, Teach.
#pragma once

#include "core/session/session.h"

#include <QByteArray>

class QMainWindow;

namespace attnscope {

/// Docks, toolbars and the split between board and row as bytes, and back; false where the bytes are none of these.
QByteArray arrangementOf(const QMainWindow& window);
bool restoreArrangement(QMainWindow& window, const QByteArray& arrangement);

/// Puts docks and board where the layout has them. `initial`: the window as it was made, which is Compare; in a small window its docks
/// share one column. Docks that a layout doesn't speak of are hidden, not lost: View > Panels shows them.
void arrangeFor(QMainWindow& window, LayoutKind kind, const QByteArray& initial);

/// What the board shows first in a layout.
BoardMode boardModeOf(LayoutKind kind);

} // namespace attnscope
