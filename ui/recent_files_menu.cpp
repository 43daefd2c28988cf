// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/recent_files_menu.h"

#include <QFileInfo>

namespace attnscope {

RecentFilesMenu::RecentFilesMenu(Settings& settings, QWidget* parent) : QMenu(tr("Recent &files"), parent), m_settings(settings)
{
    setToolTipsVisible(true);
    fill();
}

void RecentFilesMenu::add(const QString& path)
{
    m_settings.addRecentFile(path);
    fill();
}

void RecentFilesMenu::fill()
{
    clear();
    int number = 0;
    for (const QString& path : m_settings.recentFiles()) {
        auto* action = addAction(QFileInfo(path).fileName());
        action->setToolTip(path);
        action->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + number++)));
        connect(action, &QAction::triggered, this, [this, path] { Q_EMIT chosen(path); });
    }
    setEnabled(!isEmpty());
}

} // namespace attnscope
