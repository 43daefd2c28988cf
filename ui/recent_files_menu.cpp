// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/recent_files_menu.h"

#include <QFileInfo>

namespace attnscope {

RecentFilesMenu::RecentFilesMenu(Kind kind, Settings& settings, QWidget* parent)
    : QMenu(kind == Kind::Files ? tr("Recent &files") : tr("Recent sess&ions"), parent), m_kind(kind), m_settings(settings)
{
    setToolTipsVisible(true);
    connect(this, &QMenu::aboutToShow, this, &RecentFilesMenu::fill);
    fill();
}

void RecentFilesMenu::add(const QString& path)
{
    if (m_kind == Kind::Files)
        m_settings.addRecentFile(path);
    else
        m_settings.addRecentSession(path);
    fill();
}

void RecentFilesMenu::fill()
{
    clear();
    int number = 0;
    bool missing = false;
    for (const QString& path : m_kind == Kind::Files ? m_settings.recentFiles() : m_settings.recentSessions()) {
        const bool there = QFileInfo::exists(path);
        const QString name = QFileInfo(path).fileName().replace(QLatin1Char('&'), QLatin1String("&&"));
        auto* action = addAction(there ? name : tr("%1 (missing)").arg(name));
        action->setToolTip(path);
        action->setEnabled(there);
        missing |= !there;
        if (m_kind == Kind::Files)
            action->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + number++)));
        connect(action, &QAction::triggered, this, [this, path] { Q_EMIT chosen(path); });
    }
    if (missing) {
        addSeparator();
        const auto forget = [this] {
            m_settings.forgetMissing();
            fill();
        };
        connect(addAction(tr("&Remove missing ones")), &QAction::triggered, this, forget,
                Qt::QueuedConnection); // fill() deletes the action
    }
    menuAction()->setEnabled(!isEmpty());
}

} // namespace attnscope
