// SPDX-License-Identifier: GPL-3.0-or-later
// A page of help beside the window: shortcuts, a method, the machine.
#pragma once

#include <QString>

class QWidget;

namespace attnscope {

/// Shows `html` in a window of its own that Esc closes; a second call replaces the page.
void showHelp(QWidget& parent, const QString& title, const QString& html);

} // namespace attnscope
