// SPDX-License-Identifier: GPL-3.0-or-later
// Switches between the window's layouts, follows the session's, and keeps for each how a person arranged it.
#pragma once

#include "core/session/session.h"

#include <QByteArray>
#include <QFont>
#include <QObject>

class QMainWindow;
class QMenu;

namespace attnscope {

class Actions;
class SessionController;
class Settings;
struct WindowPanels;

class LayoutControl : public QObject {
    Q_OBJECT

public:
    /// Call when the window is complete: how it stands then is the layout Compare. Restores what was kept at the last start.
    LayoutControl(QMainWindow& window, SessionController& controller, Settings& settings, const Actions& actions,
                  const WindowPanels& panels);
    ~LayoutControl() override;

    LayoutKind kind() const { return m_kind; }
    /// The layout with the docks as they stand, for a session file.
    LayoutChoice choice() const;
    /// All docks, to show and to hide.
    QMenu* panelsMenu() { return m_panels; }
    /// For the next start.
    void keep();
    /// The layout as it was made, docks and board.
    void reset();

private:
    void choose(LayoutKind kind);
    void follow();
    void show(LayoutKind kind);
    void fitFont();

    QMainWindow& m_window;
    SessionController& m_controller;
    Settings& m_settings;
    const Actions& m_actions;
    QByteArray m_initial;
    QMenu* m_panels;
    QFont m_font; // of the layouts that don't enlarge it
    LayoutKind m_kind = LayoutKind::Compare;
};

} // namespace attnscope
