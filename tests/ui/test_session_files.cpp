// SPDX-License-Identifier: GPL-3.0-or-later
// Session files in the window: saved and opened again they show the same pixels; inputs that are gone or changed are asked about.
#include "core/io/atomic_file.h"
#include "support/opened_window.h"
#include "support/register_test.h"
#include "ui/map_pane.h"
#include "ui/recent_files_menu.h"
#include "ui/row_plot.h"
#include "ui/session_desk.h"
#include "ui/view_state.h"

#include <QFileInfo>
#include <QImage>
#include <QMessageBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>

using namespace attnscope;
using tests::kPatience;
using tests::OpenedWindow;

namespace {

std::vector<QImage> pictures(OpenedWindow& opened)
{
    std::vector<QImage> all;
    for (std::size_t i = 0; i < opened.board.paneCount(); ++i)
        if (opened.board.pane(i)->isVisible())
            all.push_back(opened.board.pane(i)->grab().toImage());
    all.push_back(opened.window.panels().row->grab().toImage());
    return all;
}

QPushButton* button(const QMessageBox& box, const QString& text)
{
    for (QAbstractButton* button : box.buttons())
        if (button->text().remove(QLatin1Char('&')) == text)
            return qobject_cast<QPushButton*>(button);
    return nullptr;
}

bool save(OpenedWindow& opened, const QString& file)
{
    QSignalSpy saved(&opened.window.desk(), &SessionDesk::saved);
    opened.window.desk().saveTo(file);
    return saved.isEmpty() && saved.wait(kPatience); // not before the event loop turns: the hash is a job's work
}

} // namespace

class TestSessionFiles : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() { QVERIFY(m_folder.isValid()); }

    void aSavedSessionShowsTheSamePixels()
    {
        const QString file = m_folder.filePath(QStringLiteral("round.json"));
        std::vector<QImage> before;
        Session session;
        {
            OpenedWindow opened;
            QVERIFY(opened.settle());
            opened.controller.edit([](Session& s) {
                s.head.head = 1;
                s.approximations = {{"performer", {{"features", "32"}}, 3}, {"window", {{"window", "24"}}, 0}};
                s.selected = 1;
                s.view.pool = Pool::Mean;
                s.view.colorMap = "magma";
                s.view.transposed = true;
                s.view.range = {1e-4, 0.5};
                s.view.pinnedQuery = 20;
                s.view.pinnedKey = 7;
            });
            QVERIFY(opened.settle());
            opened.board.view()->zoomTo({3.5, 2, 41, 30});
            opened.board.pane(1)->setLinked(false);
            opened.board.pane(1)->view()->zoomTo({10, 10, 12, 12});
            QVERIFY(opened.settle());
            QVERIFY(save(opened, file));
            QTest::qWait(50);
            before = pictures(opened);
            session = opened.controller.session();
        }
        OpenedWindow again(file);
        QVERIFY(again.settle());
        QVERIFY(QTest::qWaitFor([&] { return again.window.panels().row->isIdle(); }, kPatience));
        QTest::qWait(50);
        QVERIFY(!again.controller.session().input.hash.empty());
        session.input.hash = again.controller.session().input.hash;
        QVERIFY(again.controller.session() == session);
        const auto after = pictures(again);
        QCOMPARE(after.size(), before.size());
        QCOMPARE(after.size(), std::size_t(6));
        for (std::size_t i = 0; i < after.size(); ++i)
            QVERIFY2(after[i] == before[i], qPrintable(QStringLiteral("picture %1 differs").arg(i)));
    }

    void automaticRangesComeBack()
    {
        const QString file = m_folder.filePath(QStringLiteral("automatic.json"));
        ColorScale before;
        {
            OpenedWindow opened;
            QVERIFY(opened.settle()); // the whole map is seen, and then a quiet corner of it
            opened.board.view()->zoomTo({0, 60, 3, 3});
            QVERIFY(opened.settle());
            before = opened.board.sharedScale();
            QVERIFY(save(opened, file));
        }
        OpenedWindow again(file);
        QVERIFY(again.settle());
        QVERIFY(again.board.sharedScale() == before);
        QVERIFY(again.controller.session().seen.empty());
    }

    void modesAndLayoutsComeBack()
    {
        const QString file = m_folder.filePath(QStringLiteral("mode.json"));
        {
            OpenedWindow opened;
            QVERIFY(opened.settle());
            opened.action(QStringLiteral("Measure"))->trigger();
            opened.action(QStringLiteral("Curtain: left and right"))->trigger();
            QVERIFY(save(opened, file));
            opened.action(QStringLiteral("Compare"))->trigger();
            QCOMPARE(opened.board.mode(), BoardMode::SideBySide);
            opened.window.close();
        }
        OpenedWindow again(file);
        QVERIFY(again.settle());
        QCOMPARE(again.board.mode(), BoardMode::CurtainVertical);
        QVERIFY(again.action(QStringLiteral("Measure"))->isChecked());
    }

    void closingAsksWhereASavedSessionHasChanged()
    {
        const QString file = m_folder.filePath(QStringLiteral("closing.json"));
        OpenedWindow opened;
        QVERIFY(opened.settle());
        opened.controller.edit([](Session& s) { s.view.colorMap = "magma"; });
        QVERIFY(opened.window.close()); // never saved: only looked at
        opened.window.show();
        QVERIFY(save(opened, file));
        QVERIFY(opened.window.close());
        opened.window.show();
        const auto answer = [&](const QString& text) {
            auto* box = opened.window.findChild<QMessageBox*>();
            QVERIFY(box && box->isVisible());
            QVERIFY(box->text().contains(QStringLiteral("closing.json")));
            button(*box, text)->click();
            QVERIFY(QTest::qWaitFor([&] { return !opened.window.findChild<QMessageBox*>(); }, kPatience));
        };
        opened.controller.edit([](Session& s) { s.view.colorMap = "cividis"; });
        QVERIFY(!opened.window.close());
        answer(QStringLiteral("Cancel"));
        QVERIFY(opened.window.isVisible());
        QVERIFY(!opened.window.close());
        answer(QStringLiteral("Save"));
        QVERIFY(QTest::qWaitFor([&] { return !opened.window.isVisible(); }, kPatience));
        QCOMPARE(loadSession(file.toStdString())->view.colorMap, std::string("cividis"));
        opened.window.show();
        opened.controller.edit([](Session& s) { s.view.colorMap = "grey"; });
        QVERIFY(!opened.window.close());
        answer(QStringLiteral("Discard"));
        QVERIFY(!opened.window.isVisible());
        QCOMPARE(loadSession(file.toStdString())->view.colorMap, std::string("cividis"));
    }

    void aMissingInputIsAskedFor()
    {
        const QString input = m_folder.filePath(QStringLiteral("moved.safetensors"));
        const QString file = m_folder.filePath(QStringLiteral("moved.json"));
        QVERIFY(QFile::copy(tests::plantedTensors(), input));
        {
            OpenedWindow opened(input);
            QVERIFY(opened.settle());
            opened.controller.edit([](Session& s) { s.view.colorMap = "magma"; });
            QVERIFY(save(opened, file));
        }
        const QString elsewhere = m_folder.filePath(QStringLiteral("elsewhere.safetensors"));
        QVERIFY(QFile::rename(input, elsewhere));
        OpenedWindow opened;
        QVERIFY(opened.settle());
        const Session before = opened.controller.session();
        opened.window.desk().askWhere = [&](const QString& part, const QString&, bool folder) {
            return part == input && !folder ? elsewhere : QString();
        };
        QSignalSpy changed(&opened.controller, &SessionController::inputChanged);
        opened.window.open(file);
        QVERIFY(opened.controller.session() == before); // nothing until the person has answered
        auto* box = opened.window.findChild<QMessageBox*>();
        QVERIFY(box && box->informativeText().contains(input));
        button(*box, QStringLiteral("Locate…"))->click();
        QVERIFY(opened.settle());
        QCOMPARE(opened.controller.session().input.path, elsewhere.toStdString());
        QCOMPARE(opened.controller.session().view.colorMap, std::string("magma"));
        QVERIFY(changed.isEmpty());
    }

    void aChangedInputIsNamed()
    {
        const QString input = m_folder.filePath(QStringLiteral("whale.txt"));
        const QString file = m_folder.filePath(QStringLiteral("whale.json"));
        QVERIFY(writeAtomically(input.toStdString(), "The whale is white. The whale is white.").ok());
        {
            OpenedWindow opened(input);
            QVERIFY(opened.settle());
            QVERIFY(save(opened, file));
        }
        QVERIFY(writeAtomically(input.toStdString(), "The whale is grey. The whale is grey.").ok());
        OpenedWindow opened;
        QVERIFY(opened.settle());
        QSignalSpy changed(&opened.controller, &SessionController::inputChanged);
        opened.window.open(file);
        QVERIFY(opened.settle());
        QCOMPARE(changed.size(), 1);
        auto* box = opened.window.findChild<QMessageBox*>();
        QVERIFY(box && box->text().contains(QStringLiteral("whale.txt")));
        button(*box, QStringLiteral("Keep it"))->click();
        QVERIFY(opened.controller.session().input.hash.empty());
    }

    void aBrokenFileIsOneSentence_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("cut") << QByteArray("{\"attnscopeSession\": 2, \"inp");
        QTest::newRow("newer") << QByteArray("{\"attnscopeSession\": 3}");
        QTest::newRow("wrong") << QByteArray("{\"attnscopeSession\": 2, \"head\": \"first\"}");
        QTest::newRow("bytes") << QByteArray("\xff\xfe\x00\x01", 4);
        QTest::newRow("empty") << QByteArray();
    }

    void aBrokenFileIsOneSentence()
    {
        QFETCH(QByteArray, content);
        const QString file = m_folder.filePath(QStringLiteral("broken.json"));
        QVERIFY(writeAtomically(file.toStdString(), {content.constData(), std::size_t(content.size())}).ok());
        OpenedWindow opened;
        QVERIFY(opened.settle());
        const Session before = opened.controller.session();
        QSignalSpy failed(&opened.controller, &SessionController::failed);
        opened.window.open(file);
        QCOMPARE(failed.size(), 1);
        QCOMPARE(failed[0][0].toString().count(QLatin1Char('.')), 1);
        QVERIFY(!failed[0][1].toString().isEmpty());
        QVERIFY(opened.controller.session() == before);
        QVERIFY(opened.window.desk().file().isEmpty());
    }

    void recentSessionsMarkWhatIsGone()
    {
        const QString kept = m_folder.filePath(QStringLiteral("kept.json"));
        const QString gone = m_folder.filePath(QStringLiteral("gone.json"));
        OpenedWindow opened;
        QVERIFY(opened.settle());
        QVERIFY(save(opened, gone) && save(opened, kept));
        QCOMPARE(opened.window.desk().file(), kept);
        QVERIFY(!opened.window.isWindowModified());
        opened.controller.edit([](Session& s) { s.view.colorMap = "magma"; });
        QVERIFY(opened.window.isWindowModified());
        QVERIFY(QFile::remove(gone));
        auto& menu = opened.window.desk().recent();
        menu.fill();
        const auto named = [&menu](const QString& text) {
            for (QAction* action : menu.actions())
                if (action->text().remove(QLatin1Char('&')) == text)
                    return action;
            return static_cast<QAction*>(nullptr);
        };
        QVERIFY(named(QStringLiteral("kept.json")) && named(QStringLiteral("kept.json"))->isEnabled());
        QVERIFY(named(QStringLiteral("gone.json (missing)")) && !named(QStringLiteral("gone.json (missing)"))->isEnabled());
        named(QStringLiteral("Remove missing ones"))->trigger();
        QVERIFY(QTest::qWaitFor([&] { return !named(QStringLiteral("gone.json (missing)")); }));
        QVERIFY(named(QStringLiteral("kept.json")));
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestSessionFiles> registered("test_session_files");

#include "test_session_files.moc"
