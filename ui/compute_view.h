// SPDX-License-Identifier: GPL-3.0-or-later
// Connects the choice of device and what backends say about it with session, status bar and jobs panel.
#pragma once

#include "core/backend.h"

#include <QLabel>
#include <QTimer>

class QMenu;
class QStatusBar;

namespace attnscope {

class ComputeButton;
class JobsPanel;
class LatencyPanel;
class Notices;
class SessionController;

class ComputeView : public QObject {
    Q_OBJECT

public:
    struct Window {
        JobsPanel& jobs;
        LatencyPanel& latency;
        QStatusBar& status;
        QMenu& menu; ///< gets the choices as a menu in it
    };

    /// `cudaNote` says why there is no GPU; empty where there is one.
    ComputeView(SessionController& controller, const Window& window, const std::string& cudaNote, QObject* parent);

private:
    void showChoice();
    void showNotice(const QString& sentence);

    SessionController& m_controller;
    LatencyPanel& m_latency;
    Notices* m_notices;
    ComputeButton* m_button;
    QLabel* m_notice; ///< the last one, for a while
    QTimer m_fade;
};

} // namespace attnscope
