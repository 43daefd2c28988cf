// SPDX-License-Identifier: GPL-3.0-or-later
// The files or sessions that were open last; those that are gone are marked, and can be taken off the list.
#pragma once

#include "ui/settings.h"

#include <QMenu>

namespace attnscope {

class RecentFilesMenu : public QMenu {
    Q_OBJECT

public:
    enum class Kind { Files, Sessions };

    /// Files are on Ctrl+1 to Ctrl+9.
    RecentFilesMenu(Kind kind, Settings& settings, QWidget* parent);

    void add(const QString& path);
    void fill(); ///< again, as the list is now

Q_SIGNALS:
    void chosen(const QString& path);

private:
    Kind m_kind;
    Settings& m_settings;
};

} // namespace attnscope
