// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/bundled_architectures.h"

#include "ui/resources.h"

#include <QCollator>
#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace attnscope {

QVector<BundledArchitecture> bundledArchitectures()
{
    QVector<BundledArchitecture> found;
    const QDir folder(resourcePath(QStringLiteral("architectures")));
    for (const QFileInfo& info : folder.entryInfoList({QStringLiteral("*.json")}, QDir::Files)) {
        QFile file(info.filePath());
        if (!file.open(QIODevice::ReadOnly))
            continue;
        const QString title = QJsonDocument::fromJson(file.readAll()).object().value(QStringLiteral("title")).toString();
        found.append({info.completeBaseName(), title.isEmpty() ? info.completeBaseName() : title, info.filePath()});
    }
    QCollator collator;
    collator.setNumericMode(true);
    std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return collator.compare(a.title, b.title) < 0; });
    return found;
}

QString bundledArchitecture(const QString& name)
{
    const QFileInfo info(QDir(resourcePath(QStringLiteral("architectures"))), name + QStringLiteral(".json"));
    return info.isFile() ? info.filePath() : QString();
}

} // namespace attnscope
