// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the registered test classes: all of them, or those named after --only; other arguments go to Qt Test.
#include "support/register_test.h"

#include <QCoreApplication>
#include <QTemporaryDir>
#include <QTest>

#ifdef QT_WIDGETS_LIB
#include <QApplication>
using Application = QApplication;
#else
using Application = QCoreApplication;
#endif

int main(int argc, char** argv)
{
    Application app(argc, argv);
    const QTemporaryDir home; // settings and kept sessions of the tests, not of the user
    qputenv("XDG_CONFIG_HOME", home.path().toUtf8());
    qputenv("XDG_DATA_HOME", home.path().toUtf8());
    QStringList arguments = app.arguments();
    QStringList only;
    for (qsizetype at = arguments.indexOf(QStringLiteral("--only")); at >= 0; at = arguments.indexOf(QStringLiteral("--only"))) {
        only += arguments.value(at + 1);
        arguments.remove(at, std::min<qsizetype>(2, arguments.size() - at));
    }
    int ran = 0;
    int failures = 0;
    for (const auto& test : attnscope::tests::registeredTests()) {
        if (!only.isEmpty() && !only.contains(QString::fromStdString(test.name)))
            continue;
        ++ran;
        const auto object = test.make();
        failures += QTest::qExec(object.get(), arguments);
    }
    if (ran == 0)
        qCritical("no test of that name is registered");
    return ran == 0 ? 1 : failures;
}
