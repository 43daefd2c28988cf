// SPDX-License-Identifier: GPL-3.0-or-later
// Outputs that can't be written, and Ctrl+C: nothing half-written stays.
#include "app/cli/cli_process.h"
#include "support/register_test.h"

#include <QTest>

#include <csignal>

using namespace attnscope;
using tests::CliFolder;

class TestCliOutputFailures : public QObject {
    Q_OBJECT

private:
    CliFolder m_folder;
    const QStringList m_run{"run", "--input", "in.safetensors", "--method", "softmax", "--out"};

private Q_SLOTS:
    void initTestCase() { tests::writeInputs(m_folder.file("in.safetensors"), tests::randomInputs({1, 2, 512, 512, 8, 64}, 61)); }

    void unwritable_data()
    {
        QTest::addColumn<QString>("out");
        QTest::newRow("missing folder") << "nowhere/o.npy";
        QTest::newRow("a folder") << ".";
        QTest::newRow("a device") << "/dev/full";
        QTest::newRow("a file as folder") << "in.safetensors/o.npy";
        QTest::newRow("proc") << "/proc/o.npy";
    }
    void unwritable()
    {
        QFETCH(QString, out);
        for (const QStringList& command : {m_run, QStringList{"map", "--input", "in.safetensors", "--method", "softmax", "--out"}}) {
            const auto result = m_folder.run(command + QStringList{out});
            QVERIFY2(result.code == 1, QByteArray::number(result.code) + ' ' + result.err);
            QVERIFY2(result.oneSentence(), result.err);
            QCOMPARE(m_folder.listing(), (QStringList{"in.safetensors"}));
        }
    }

    void diskFull_data()
    {
        QTest::addColumn<QStringList>("command");
        QTest::newRow("run") << m_run;
        QTest::newRow("map") << QStringList{"map", "--input", "in.safetensors", "--method", "softmax", "--out"};
    }
    void diskFull()
    {
        QFETCH(QStringList, command);
        m_folder.writeBytes("o.npy", "what was there before"); // and stays
        const auto result = m_folder.runAfter("ulimit -f 32", command + QStringList{"o.npy"});
        QVERIFY2(result.code == 1, QByteArray::number(result.code) + ' ' + result.err);
        QVERIFY2(result.oneSentence(), result.err);
        QCOMPARE(m_folder.readBytes("o.npy"), QByteArray("what was there before"));
        QVERIFY(QFile::remove(m_folder.path("o.npy")));
        QCOMPARE(m_folder.listing(), (QStringList{"in.safetensors"}));
    }

    void fullStandardOutput()
    {
        const auto result = m_folder.runAfter("exec > /dev/full", {"methods", "--json"});
        QCOMPARE(result.code, 1);
        QVERIFY2(result.oneSentence(), result.err);
    }

    void interrupted_data()
    {
        QTest::addColumn<QStringList>("command");
        QTest::newRow("run") << QStringList{"run",   "--input", "long.safetensors", "--method", "softmax-reference", "--threads", "1",
                                            "--out", "o.npy"};
        QTest::newRow("map") << QStringList{"map",   "--input", "long.safetensors", "--method", "softmax-reference", "--threads", "1",
                                            "--out", "o.npy"};
        QTest::newRow("compare") << QStringList{"compare", "--input", "long.safetensors", "--methods", "softmax-reference", "--threads",
                                                "1",       "--json"};
        QTest::newRow("sweep") << QStringList{"sweep", "--methods", "softmax-reference", "--lengths", "32768", "--threads", "1", "--json"};
    }
    void interrupted()
    {
        QFETCH(QStringList, command);
        const CliFolder folder;
        tests::writeInputs(folder.file("long.safetensors"), tests::randomInputs({1, 1, 32768, 32768, 16, 16}, 62));
        QProcess process;
        process.setWorkingDirectory(folder.path());
        process.start(tests::cliProgram(), command);
        QVERIFY(process.waitForStarted());
        QVERIFY2(!process.waitForFinished(1500), process.readAllStandardError()); // it is at work
        ::kill(static_cast<pid_t>(process.processId()), SIGINT);
        QVERIFY(process.waitForFinished(60'000));
        QCOMPARE(process.exitStatus(), QProcess::NormalExit);
        QCOMPARE(process.exitCode(), 5);
        QVERIFY(process.readAllStandardOutput().isEmpty());
        QVERIFY(process.readAllStandardError().contains("cancelled"));
        QCOMPARE(folder.listing(), (QStringList{"long.safetensors"}));
    }
};

static const attnscope::tests::RegisterTest<TestCliOutputFailures> registered("test_cli_output_failures");

#include "test_cli_output_failures.moc"
