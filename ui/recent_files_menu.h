// SPDX-License-Identifier: GPL-3.0-or-later
// The files that were open last, on Ctrl+1 to Ctrl+9.
#pragma once

#include "ui/settings.h"

#include <QMenu>

namespace attnscope {

class RecentFilesMenu : public QMenu {
    Q_OBJECT

public:
    RecentFilesMenu(Settings& settings, QWidget* parent);

    void add(const QString& path);

Q_SIGNALS:
    void chosen(const QString& path);

private:
    void fill();

    Settings& m_settings;
};

} // namespace attnscope
