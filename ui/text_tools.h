// SPDX-License-Identifier: GPL-3.0-or-later
// Connects the text panel, the strips beside the maps and the marks on them with the session.
#pragma once

#include "ui/window_panels.h"

#include "core/base/shape.h"

#include <QObject>

#include <memory>
#include <optional>

namespace attnscope {

class Actions;
class SessionController;
class TextIndex;

class TextTools : public QObject {
    Q_OBJECT

public:
    /// All outlive it.
    TextTools(SessionController& controller, const WindowPanels& panels, const Actions& actions, QObject* parent);

private:
    void connectPanel();
    void connectActions(const Actions& actions);
    void showDocument();
    void showSession();
    void showMarks();
    void showWeights();
    void select(std::optional<Index> query, std::optional<Index> key);
    void bringIntoSight(Index query, Index key);
    void jumpTo(Index token);
    void raisePanel();

    SessionController& m_controller;
    WindowPanels m_panels;
    const Actions& m_actions;
};

} // namespace attnscope
