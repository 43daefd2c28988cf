// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pane_window.h"

#include <QAction>
#include <QCloseEvent>
#include <QVBoxLayout>

namespace attnscope {

PaneWindow::PaneWindow(QWidget* pane, QWidget* owner) : QWidget(owner, Qt::Window)
{
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    setFocusPolicy(Qt::StrongFocus);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(pane);
    addActions(owner->window()->actions());
    setFocus(); // and not the chain, which would take the space bar
}

void PaneWindow::closeEvent(QCloseEvent* event)
{
    event->accept();
    Q_EMIT closing();
}

void PaneWindow::moveEvent(QMoveEvent*) { Q_EMIT moved(); }

void PaneWindow::resizeEvent(QResizeEvent*) { Q_EMIT moved(); }

} // namespace attnscope
