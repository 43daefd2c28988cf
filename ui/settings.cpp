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
const QString kSessions = QStringLiteral("files/recentSessions");
const QString kFolder = QStringLiteral("files/lastFolder");
const QString kModel = QStringLiteral("files/model");
const QString kTheme = QStringLiteral("view/theme");
const QString kGeometry = QStringLiteral("window/geometry");
const QString kLayout = QStringLiteral("window/layout");

QString arrangementKey(LayoutKind kind) { return QStringLiteral("window/arrangement_") + QString::fromStdString(toString(kind)); }

void addTo(const QString& key, const QString& path)
{
    auto files = store().value(key).toStringList();
    const QString absolute = QFileInfo(path).absoluteFilePath();
    files.removeAll(absolute);
    files.prepend(absolute);
    store().setValue(key, files.mid(0, Settings::kRecentFiles));
}

} // namespace

QStringList Settings::recentFiles() const { return store().value(kRecent).toStringList(); }

void Settings::addRecentFile(const QString& path) { addTo(kRecent, path); }

QStringList Settings::recentSessions() const { return store().value(kSessions).toStringList(); }
void Settings::addRecentSession(const QString& path) { addTo(kSessions, path); }

void Settings::forgetMissing()
{
    for (const QString& key : {kRecent, kSessions}) {
        auto files = store().value(key).toStringList();
        files.removeIf([](const QString& file) { return !QFileInfo::exists(file); });
        store().setValue(key, files);
    }
}

QString Settings::lastFolder() const { return store().value(kFolder, QDir::homePath()).toString(); }
void Settings::setLastFolder(const QString& folder) { store().setValue(kFolder, folder); }

QString Settings::modelFolder() const { return store().value(kModel).toString(); }
void Settings::setModelFolder(const QString& folder) { store().setValue(kModel, folder); }

Theme Settings::theme() const { return static_cast<Theme>(qBound(0, store().value(kTheme, 0).toInt(), 2)); }
void Settings::setTheme(Theme theme) { store().setValue(kTheme, static_cast<int>(theme)); }

QByteArray Settings::windowGeometry() const { return store().value(kGeometry).toByteArray(); }
void Settings::setWindowGeometry(const QByteArray& geometry) { store().setValue(kGeometry, geometry); }

LayoutKind Settings::layout() const { return static_cast<LayoutKind>(qBound(0, store().value(kLayout, 0).toInt(), 3)); }
void Settings::setLayout(LayoutKind kind) { store().setValue(kLayout, static_cast<int>(kind)); }

QByteArray Settings::arrangement(LayoutKind kind) const { return store().value(arrangementKey(kind)).toByteArray(); }
void Settings::setArrangement(LayoutKind kind, const QByteArray& arrangement) { store().setValue(arrangementKey(kind), arrangement); }

} // namespace attnscope
