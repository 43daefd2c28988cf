// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/settings.h"

#include <QDir>
#include <QFileInfo>
#include <QSettings>

namespace attnscope {

namespace {

QSettings store()
{
    return QSettings(QSettings::IniFormat, QSettings::UserScope, QStringLiteral("attnscope"), QStringLiteral("attnscope"));
}

const QString kRecent = QStringLiteral("files/recent");
const QString kFolder = QStringLiteral("files/lastFolder");
const QString kModel = QStringLiteral("files/model");
const QString kTheme = QStringLiteral("view/theme");
const QString kGeometry = QStringLiteral("window/geometry");
const QString kState = QStringLiteral("window/state");

} // namespace

QStringList Settings::recentFiles() const { return store().value(kRecent).toStringList(); }

void Settings::addRecentFile(const QString& path)
{
    auto files = recentFiles();
    const QString absolute = QFileInfo(path).absoluteFilePath();
    files.removeAll(absolute);
    files.prepend(absolute);
    store().setValue(kRecent, files.mid(0, kRecentFiles));
}

QString Settings::lastFolder() const { return store().value(kFolder, QDir::homePath()).toString(); }
void Settings::setLastFolder(const QString& folder) { store().setValue(kFolder, folder); }

QString Settings::modelFolder() const { return store().value(kModel).toString(); }
void Settings::setModelFolder(const QString& folder) { store().setValue(kModel, folder); }

Theme Settings::theme() const { return static_cast<Theme>(qBound(0, store().value(kTheme, 0).toInt(), 2)); }
void Settings::setTheme(Theme theme) { store().setValue(kTheme, static_cast<int>(theme)); }

QByteArray Settings::windowGeometry() const { return store().value(kGeometry).toByteArray(); }
QByteArray Settings::windowState() const { return store().value(kState).toByteArray(); }
void Settings::setWindow(const QByteArray& geometry, const QByteArray& state)
{
    store().setValue(kGeometry, geometry);
    store().setValue(kState, state);
}

} // namespace attnscope
