// SPDX-License-Identifier: GPL-3.0-or-later
// Shows what the session controller holds in the window's panels, and sends what panels are asked for back to it.
#pragma once

#include "ui/window_panels.h"

#include "core/base/shape.h"

#include <QObject>
#include <QStringList>

class QLabel;

namespace attnscope {

class BoardToolbar;
class SessionController;

class SessionView : public QObject {
    Q_OBJECT

public:
    SessionView(SessionController& controller, const WindowPanels& panels, BoardToolbar& toolbar, QLabel& status, QObject* parent);

private:
    void connectController();
    void connectBoard();
    void connectMethods();
    void showDocument();
    void showSession();
    void showBoard();
    void showMetrics();
    void showHover(Index query, Index key);

    SessionController& m_controller;
    WindowPanels m_panels;
    BoardToolbar& m_toolbar;
    QLabel& m_status;
};

} // namespace attnscope
