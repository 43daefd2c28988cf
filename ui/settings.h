// SPDX-License-Identifier: GPL-3.0-or-later
// What the program remembers between starts, typed: no string key is written anywhere else.
#pragma once

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

    QString lastFolder() const;
    void setLastFolder(const QString& folder);

    QString modelFolder() const; ///< empty: the bundled model
    void setModelFolder(const QString& folder);

    Theme theme() const;
    void setTheme(Theme theme);

    QByteArray windowGeometry() const;
    QByteArray windowState() const;
    void setWindow(const QByteArray& geometry, const QByteArray& state);
};

} // namespace attnscope
