// SPDX-License-Identifier: GPL-3.0-or-later
// The project's own source files as the style tests read them.
#pragma once

#include "test_paths.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QStringList>

namespace attnscope::tests {

struct SourceFile {
    QString path; ///< relative to the root: "core/base/tensor.h"
    QStringList lines;
};

inline SourceFile readSource(const QString& path)
{
    QFile file(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/") + path);
    if (!file.open(QIODevice::ReadOnly | QIODevice::Text))
        return {path, {}};
    QStringList lines = QString::fromUtf8(file.readAll()).split(QLatin1Char('\n'));
    if (!lines.isEmpty() && lines.last().isEmpty())
        lines.removeLast();
    return {path, lines};
}

/// C++ and CUDA sources below the given folders.
inline std::vector<SourceFile> sourceTree(const QStringList& folders)
{
    std::vector<SourceFile> files;
    const QDir root(QStringLiteral(ATTNSCOPE_SOURCE_DIR));
    for (const QString& folder : folders) {
        QDirIterator it(root.filePath(folder),
                        {QStringLiteral("*.h"), QStringLiteral("*.cpp"), QStringLiteral("*.cu"), QStringLiteral("*.cuh")}, QDir::Files,
                        QDirIterator::Subdirectories);
        while (it.hasNext())
            files.push_back(readSource(root.relativeFilePath(it.next())));
    }
    return files;
}

} // namespace attnscope::tests
