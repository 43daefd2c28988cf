// SPDX-License-Identifier: GPL-3.0-or-later
// The architectures that come with the program, for the list to add from.
#pragma once

#include <QString>
#include <QVector>

namespace attnscope {

struct BundledArchitecture {
    QString name;  ///< of the file, as the command line takes it: "jamba-v0.1"
    QString title; ///< "Jamba v0.1"
    QString path;
};

/// Sorted by title.
QVector<BundledArchitecture> bundledArchitectures();

/// The file of the name; empty where there is none.
QString bundledArchitecture(const QString& name);

} // namespace attnscope
