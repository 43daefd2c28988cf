// SPDX-License-Identifier: GPL-3.0-or-later
// A window for one pane of the board: the main window's keys work in it, and closing it brings the pane back.
#pragma once

#include <QWidget>

namespace attnscope {

class PaneWindow : public QWidget {
    Q_OBJECT

public:
    /// Takes `pane`; `owner`'s window lends its commands and closes this one with it.
    PaneWindow(QWidget* pane, QWidget* owner);

Q_SIGNALS:
    void closing(); ///< the pane is still here
    void moved();

protected:
    void closeEvent(QCloseEvent* event) override;
    void moveEvent(QMoveEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
};

} // namespace attnscope
