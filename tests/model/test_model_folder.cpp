// SPDX-License-Identifier: GPL-3.0-or-later
// The model folder: the one chosen, or the bundled one.
#include "core/model/model_folder.h"
#include "support/register_test.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

using namespace attnscope;

class TestModelFolder : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { qunsetenv("ATTNSCOPE_RESOURCES"); }

    void theBundledModelIsFoundWhereTheEnvironmentSays()
    {
        QTemporaryDir root;
        QVERIFY(QDir(root.path()).mkpath("models/attnscope-mini"));
        qputenv("ATTNSCOPE_RESOURCES", root.path().toUtf8());
        const auto found = resolveModelFolder({});
        QVERIFY(found.ok());
        QCOMPARE(found->string(), std::filesystem::canonical(root.path().toStdString()).string() + "/models/attnscope-mini");
    }

    void theChosenFolderIsTaken()
    {
        QTemporaryDir root;
        const auto found = resolveModelFolder(root.path().toStdString());
        QVERIFY(found.ok());
        QCOMPARE(found->string(), root.path().toStdString());
    }

    void aMissingFolderIsNamed()
    {
        const auto found = resolveModelFolder("/no/such/model");
        QVERIFY(!found.ok());
        QCOMPARE(found.error().code, Errc::Io);
        QVERIFY(found.error().what.find("/no/such/model") != std::string::npos);
    }
};

static const attnscope::tests::RegisterTest<TestModelFolder> registered("test_model_folder");

#include "test_model_folder.moc"
