// SPDX-License-Identifier: GPL-3.0-or-later
// Help, versions, and exit code 2 for whatever is wrong on the command line.
#include "app/cli/cli_process.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using tests::CliFolder;

class TestCliUsage : public QObject {
    Q_OBJECT

private:
    CliFolder m_folder;

private Q_SLOTS:
    void initTestCase() { tests::writeInputs(m_folder.file("in.safetensors"), tests::randomInputs({1, 2, 16, 16, 8, 8}, 41)); }

    void versionAndHelp()
    {
        const auto version = m_folder.run({"--version"});
        QCOMPARE(version.code, 0);
        QVERIFY(version.out.startsWith("attnscope-cli "));
        for (const char* command : {"methods", "extract", "run", "map", "compare", "sweep", "forward", "verify"}) {
            QVERIFY(m_folder.run({"--help"}).out.contains(command));
            const auto help = m_folder.run({command, "--help"});
            QCOMPARE(help.code, 0);
            QVERIFY(help.out.contains("Exit codes"));
            QVERIFY(help.err.isEmpty());
        }
    }

    void methodPageCitesItsPaper()
    {
        const auto page = m_folder.run({"methods", "linear-elu"});
        QCOMPARE(page.code, 0);
        QVERIFY(page.out.contains("Katharopoulos"));
    }

    void usageErrors_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("named");
        const auto run = [](QStringList more) { return QStringList{"run", "--input", "in.safetensors", "--out", "o.npy"} + more; };
        QTest::newRow("nothing") << QStringList{} << "subcommand";
        QTest::newRow("unknown subcommand") << QStringList{"rum"} << "rum";
        QTest::newRow("unknown option") << run({"--method", "softmax", "--bogus"}) << "bogus";
        QTest::newRow("missing option") << QStringList{"run", "--method", "softmax"} << "--";
        QTest::newRow("unknown method") << run({"--method", "sofmax"}) << "sofmax";
        QTest::newRow("unknown method page") << QStringList{"methods", "sofmax"} << "sofmax";
        QTest::newRow("unknown parameter") << run({"--method", "performer", "--param", "feature=3"}) << "feature";
        QTest::newRow("parameter of no form") << run({"--method", "performer", "--param", "features"}) << "features";
        QTest::newRow("parameter out of range") << run({"--method", "performer", "--param", "features=-1"}) << "features";
        QTest::newRow("parameter no number") << run({"--method", "performer", "--param", "features=many"}) << "many";
        QTest::newRow("unknown choice") << run({"--method", "performer", "--param", "map=cubic"}) << "cubic";
        QTest::newRow("unknown layout") << run({"--method", "softmax", "--layout", "DNH"}) << "DNH";
        QTest::newRow("head of no form") << run({"--method", "softmax", "--head", "x"}) << "x";
        QTest::newRow("no number") << run({"--method", "softmax", "--scale", "big"}) << "scale";
        QTest::newRow("scale not finite") << run({"--method", "softmax", "--scale", "nan"}) << "scale";
        QTest::newRow("empty list") << QStringList{"compare", "--input", "in.safetensors", "--methods", ";"} << "empty";
        QTest::newRow("bad list") << QStringList{"compare", "--input", "in.safetensors", "--methods", "softmax;nope"} << "nope";
        QTest::newRow("bad lengths") << QStringList{"sweep", "--methods", "softmax", "--lengths", "64:32"} << "64:32";
        QTest::newRow("no lengths") << QStringList{"sweep", "--methods", "softmax", "--lengths", "many"} << "many";
        QTest::newRow("bad pool") << QStringList{"map",    "--input", "in.safetensors", "--method", "softmax",
                                                 "--pool", "sum",     "--out",          "a.npy"}
                                  << "pool";
        QTest::newRow("bad level") << QStringList{"map",     "--input", "in.safetensors", "--method", "softmax",
                                                  "--level", "-1",      "--out",          "a.npy"}
                                   << "level";
        QTest::newRow("bad metric") << QStringList{"map",     "--input",  "in.safetensors", "--method", "uniform", "--against",
                                                   "softmax", "--metric", "cosine",         "--out",    "a.npy"}
                                    << "metric";
    }
    void usageErrors()
    {
        QFETCH(QStringList, arguments);
        QFETCH(QString, named);
        const auto result = m_folder.run(arguments);
        QVERIFY2(result.code == 2, result.err);
        QVERIFY2(result.oneSentence(), result.err);
        QVERIFY2(result.err.contains(named.toUtf8()), result.err);
        QVERIFY(result.out.isEmpty());
        QCOMPARE(m_folder.listing(), (QStringList{"in.safetensors"}));
    }

    void unsupported_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::newRow("causal linformer") << QStringList{"run",      "--input",   "in.safetensors", "--causal",
                                                         "--method", "linformer", "--out",          "o.npy"};
        QTest::newRow("causal linformer's map")
            << QStringList{"map", "--input", "in.safetensors", "--causal", "--method", "linformer", "--out", "o.npy"};
        QTest::newRow("causal sweep of linformer") << QStringList{"sweep", "--methods", "linformer", "--lengths", "64", "--causal"};
        QTest::newRow("dtype") << QStringList{"sweep", "--methods", "softmax", "--lengths", "64", "--dtype", "f8"};
        QTest::newRow("no such GPU") << QStringList{"verify", "--backend", "cuda:99"};
        QTest::newRow("no such backend") << QStringList{"verify", "--backend", "tpu"};
    }
    void unsupported()
    {
        QFETCH(QStringList, arguments);
        const auto result = m_folder.run(arguments);
        QVERIFY2(result.code == 4, result.err);
        QVERIFY2(result.oneSentence(), result.err);
        QVERIFY(result.out.isEmpty());
        QCOMPARE(m_folder.listing(), (QStringList{"in.safetensors"}));
    }

    void linksNoQt()
    {
        QProcess ldd;
        ldd.start("ldd", {tests::cliProgram()});
        if (!ldd.waitForFinished())
            QSKIP("ldd is missing");
        QVERIFY(!ldd.readAllStandardOutput().contains("libQt"));
    }
};

static const attnscope::tests::RegisterTest<TestCliUsage> registered("test_cli_usage");

#include "test_cli_usage.moc"
