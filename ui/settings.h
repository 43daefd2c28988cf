// SPDX-License-Identifier: GPL-3.0-or-later
// What the program remembers between starts, typed: no string key is written anywhere else.
#pragma once

#include "core/session/session.h"

#include <QByteArray>
#include <QString>
#include <QStringList>

namespace attnscope {

enum class Theme { System, Light, Dark };

class Settings {
public:
    static constexpr qsizetype kRecentFiles = 9;

    QStringList recentFiles() const;
    void addRecentFile(const QString& path); ///< moves it to the front

    QStringList recentSessions() const;
    void addRecentSession(const QString& path); ///< moves it to the front
    void forgetMissing();                       ///< recent files and sessions that are no longer there

    QString lastFolder() const;
    void setLastFolder(const QString& folder);

    QString modelFolder() const; ///< empty: the bundled model
    void setModelFolder(const QString& folder);

    Theme theme() const;
    void setTheme(Theme theme);

    QByteArray windowGeometry() const;
    void setWindowGeometry(const QByteArray& geometry);

    LayoutKind layout() const;
    void setLayout(LayoutKind kind);
    QByteArray arrangement(LayoutKind kind) const; ///< of the docks; empty: as the layout has them
    void setArrangement(LayoutKind kind, const QByteArray& arrangement);
};

} // namespace attnscope
