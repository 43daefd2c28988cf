// SPDX-License-Identifier: GPL-3.0-or-later
// One line at the top of the window after a crash: restore the session that was kept, or discard it.
#pragma once

#include "ui/autosave.h"

#include <QToolBar>

class QLabel;

namespace attnscope {

class SessionController;

class RecoveryBar : public QToolBar {
    Q_OBJECT

public:
    /// Not empty. Ignored, they are offered again at the next start.
    RecoveryBar(std::vector<Leftover> leftovers, SessionController& controller, QWidget* parent);

    QAction* restoreAction() const { return m_restore; }
    QAction* discardAction() const { return m_discard; }

private:
    void describe();
    void next();

    std::vector<Leftover> m_leftovers;
    QLabel* m_text;
    QAction* m_restore;
    QAction* m_discard;
};

} // namespace attnscope
