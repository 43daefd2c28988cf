// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/help_commands.h"

#include "ui/actions.h"
#include "ui/command_palette.h"
#include "ui/frame_times_window.h"
#include "ui/help_window.h"
#include "ui/metered_application.h"
#include "ui/method_page.h"
#include "ui/methods_panel.h"
#include "ui/session_controller.h"
#include "ui/window_panels.h"

#include <QAction>
#include <QCoreApplication>
#include <QTextBrowser>

namespace attnscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("Help", text); }

void showSelectedMethod(const SessionController& controller, QWidget& window)
{
    const auto& session = controller.session();
    if (session.selected < session.approximations.size())
        HelpWindow::of(window).showMethod(QString::fromStdString(session.approximations[session.selected].id));
}

} // namespace

void connectHelpCommands(const HelpTargets& targets)
{
    auto* window = &targets.window;
    const auto* actions = &targets.actions;
    const auto on = [&](Command command, auto call) { QObject::connect(targets.actions[command], &QAction::triggered, window, call); };
    on(Command::Palette, [=] { (new CommandPalette(*actions, window))->open(); });
    on(Command::Shortcuts, [=] { HelpWindow::of(*window).showText(tr("Keys and mouse"), shortcutTable() + methodListPage()); });
    on(Command::About,
       [=, machine = targets.panels.machine] { HelpWindow::of(*window).showText(tr("About Attnscope"), machine->toHtml()); });
    on(Command::AllMethods, [=] { HelpWindow::of(*window).showMethods(); });
    on(Command::MethodHelp, [=, controller = &targets.controller] { showSelectedMethod(*controller, *window); });
    QObject::connect(targets.panels.methods, &MethodsPanel::helpRequested, window,
                     [=](const QString& id) { HelpWindow::of(*window).showMethod(id); });
    targets.actions[Command::FrameTimes]->setEnabled(MeteredApplication::frameRecord());
    on(Command::FrameTimes, [=] { FrameTimesWindow::of(*window, *MeteredApplication::frameRecord()); });
}

} // namespace attnscope
