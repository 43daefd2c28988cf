// SPDX-License-Identifier: GPL-3.0-or-later
// Connects the Help menu: the command palette, the keys, the machine, the methods' pages and the frame times.
#pragma once

class QWidget;

namespace attnscope {

class Actions;
class SessionController;
struct WindowPanels;

/// What the Help menu reaches; all outlive the connections.
struct HelpTargets {
    const Actions& actions;
    const WindowPanels& panels;
    const SessionController& controller;
    QWidget& window; ///< beside which the help opens
};

void connectHelpCommands(const HelpTargets& targets);

} // namespace attnscope
