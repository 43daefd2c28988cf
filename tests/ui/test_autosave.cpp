// SPDX-License-Identifier: GPL-3.0-or-later
// What a killed program leaves is offered at the next start; what runs or ended well is not.
#include "core/io/atomic_file.h"
#include "support/opened_window.h"
#include "support/register_test.h"
#include "ui/autosave.h"
#include "ui/recovery_bar.h"

#include <QDir>
#include <QProcess>
#include <QProcessEnvironment>
#include <QTemporaryDir>

using namespace attnscope;
using tests::kPatience;
using tests::OpenedWindow;

namespace {

QStringList keptFiles() { return QDir(autosaveFolder()).entryList({QStringLiteral("*.json")}, QDir::Files); }

} // namespace

class TestAutosave : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        qputenv("XDG_CONFIG_HOME", m_folder->path().toUtf8());
        qputenv("XDG_DATA_HOME", m_folder->path().toUtf8()); // no leftovers of other tests
    }

    void aKilledProgramsSessionIsOffered()
    {
        QProcess program;
        auto environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
        program.setProcessEnvironment(environment);
        program.start(QStringLiteral(ATTNSCOPE_BIN_DIR "/attnscope"), {tests::plantedTensors()});
        QVERIFY(program.waitForStarted(kPatience));
        QVERIFY(QTest::qWaitFor([] { return !keptFiles().isEmpty(); }, kPatience));
        QVERIFY(claimLeftovers(autosaveFolder()).empty()); // it still runs
        program.kill();
        QVERIFY(program.waitForFinished(kPatience));
        const QString lonely = autosaveFolder() + QStringLiteral("/lonely.json.lock"); // of a program killed before its first change
        QVERIFY(QFile::copy(autosaveFolder() + QLatin1Char('/') + keptFiles().constFirst() + QStringLiteral(".lock"), lonely));
        QCOMPARE(program.exitStatus(), QProcess::CrashExit);

        OpenedWindow opened(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/example_session.json"));
        QVERIFY(opened.settle());
        opened.window.offerLeftovers();
        QVERIFY(!QFile::exists(lonely));
        auto* bar = opened.window.findChild<RecoveryBar*>();
        QVERIFY(bar);
        QVERIFY(claimLeftovers(autosaveFolder()).empty()); // offered here, and nowhere else at the same time
        bar->restoreAction()->trigger();
        QVERIFY(opened.settle());
        QCOMPARE(opened.controller.session().input.path, tests::plantedTensors().toStdString());
        QVERIFY(QTest::qWaitFor([&] { return !opened.window.findChild<RecoveryBar*>(); }));
    }

    void aCleanEndLeavesNothing()
    {
        {
            OpenedWindow opened;
            QVERIFY(opened.settle());
            opened.controller.edit([](Session& s) { s.view.colorMap = "magma"; });
            QVERIFY(QTest::qWaitFor([] { return keptFiles().size() == 1; }, kPatience));
        }
        QVERIFY(keptFiles().isEmpty());
        QVERIFY(claimLeftovers(autosaveFolder()).empty());
    }

    void twoWindowsKeepTheirOwn()
    {
        OpenedWindow one;
        OpenedWindow other(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/short_dialogue.txt"));
        QVERIFY(QTest::qWaitFor([] { return keptFiles().size() == 2; }, kPatience));
        const auto* first = one.window.findChild<Autosave*>();
        const auto* second = other.window.findChild<Autosave*>();
        QVERIFY(first->file() != second->file());
        QCOMPARE(QString::fromStdString(loadSession(first->file().toStdString())->input.path), tests::plantedTensors());
        QVERIFY(
            QString::fromStdString(loadSession(second->file().toStdString())->input.path).endsWith(QStringLiteral("short_dialogue.txt")));
        QVERIFY(claimLeftovers(autosaveFolder()).empty());
        QVERIFY(one.settle() && other.settle());
    }

    void discardingAndBrokenFiles()
    {
        QVERIFY(QDir().mkpath(autosaveFolder()));
        const QString good = autosaveFolder() + QStringLiteral("/good.json");
        const QString broken = autosaveFolder() + QStringLiteral("/broken.json");
        Session session;
        session.input.text = "The whale.";
        QVERIFY(writeAtomically(good.toStdString(), sessionToJson(session)).ok());
        QVERIFY(writeAtomically(broken.toStdString(), "{\"attnscopeSes").ok());
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.window.offerLeftovers();
        QVERIFY(!QFile::exists(broken));
        auto* bar = opened.window.findChild<RecoveryBar*>();
        QVERIFY(bar);
        bar->discardAction()->trigger();
        QVERIFY(!QFile::exists(good));
        QVERIFY(QTest::qWaitFor([&] { return !opened.window.findChild<RecoveryBar*>(); }));
        QVERIFY(claimLeftovers(autosaveFolder()).empty());
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

static const attnscope::tests::RegisterTest<TestAutosave> registered("test_autosave");

#include "test_autosave.moc"
