// SPDX-License-Identifier: GPL-3.0-or-later
// Resources are found beside the program, above it, or where the environment says.
#include "core/base/resources.h"
#include "support/register_test.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

using namespace attnscope;

class TestResources : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { qunsetenv("ATTNSCOPE_RESOURCES"); }

    void aboveTheProgram_data()
    {
        QTest::addColumn<QString>("place");
        QTest::newRow("source tree") << "resources";
        QTest::newRow("installed") << "share/attnscope";
    }

    void aboveTheProgram()
    {
        QFETCH(QString, place);
        QTemporaryDir root;
        QVERIFY(QDir(root.path()).mkpath(place + "/only-here/model"));
        QVERIFY(QDir(root.path()).mkpath("build/release/bin"));
        const auto program = std::filesystem::path(root.path().toStdString()) / "build/release/bin";
        const auto found = findResource("only-here/model", program);
        QVERIFY(found.has_value());
        QCOMPARE(found->string(),
                 std::filesystem::canonical(root.path().toStdString()).string() + "/" + place.toStdString() + "/only-here/model");
    }

    void theEnvironmentComesFirst()
    {
        QTemporaryDir root;
        QVERIFY(QDir(root.path()).mkpath("chosen/thing"));
        QVERIFY(QDir(root.path()).mkpath("resources/thing"));
        qputenv("ATTNSCOPE_RESOURCES", (root.path() + "/chosen").toUtf8());
        const auto found = findResource("thing", root.path().toStdString());
        QVERIFY(found.has_value());
        QCOMPARE(found->parent_path().filename().string(), std::string("chosen"));
    }

    void nothingIsMadeUp() { QVERIFY(!findResource("no/such/thing").has_value()); }
};

static const attnscope::tests::RegisterTest<TestResources> registered("test_resources");

#include "test_resources.moc"
