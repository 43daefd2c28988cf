// SPDX-License-Identifier: GPL-3.0-or-later
// The colour range by hand, by rule and locked; hiding the sink; the command palette; the large head grid.
#include "core/scores/selected_rows.h"
#include "support/opened_window.h"
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/board_presenter.h"
#include "ui/command_palette.h"
#include "ui/export_dialog.h"
#include "ui/file_commands.h"
#include "ui/head_grid.h"
#include "ui/jobs_panel.h"
#include "ui/map_pane.h"
#include "ui/range_control.h"
#include "ui/range_popup.h"
#include "ui/view_state.h"

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDockWidget>
#include <QDropEvent>
#include <QLineEdit>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>

using namespace attnscope;

using Opened = tests::OpenedWindow;
using tests::kPatience;

class TestWindowControls : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void progressSaysWhatIsLeft()
    {
        QCOMPARE(progressText(0.42, 1.0), QStringLiteral("42 %")); // too early
        QCOMPARE(progressText(0.0, 10.0), QStringLiteral("0 %"));  // nothing to go by
        QCOMPARE(progressText(0.2, 5.0), QStringLiteral("20 % · about 20 s left"));
        QCOMPARE(progressText(0.1, 60.0), QStringLiteral("10 % · about 9 min left"));
    }

    void pinnedRowsAreReadAsAMapOfTheirOwn()
    {
        const auto whole = std::make_shared<tests::FormulaSource>(
            50, 50, [](Index r, Index c) { return float(100 * r + c); }, true);
        const auto rows = selectRows(whole, {40, 7, 40, 60});
        QCOMPARE(rows->rows(), Index(2));
        QCOMPARE(rows->cols(), Index(50));
        QCOMPARE(*rows->cell(0, 3), 703.0F);
        QCOMPARE(*rows->cell(1, 3), 4003.0F);
        QCOMPARE(rows->visible(0).last, Index(8));
        ExportDialog plain(ExportDialog::Kind::Data, {"exact"}, {}, nullptr);
        QCOMPARE(plain.region(), ExportDialog::Region::Visible);
        QCOMPARE(plain.findChildren<QComboBox*>().last()->count(), 2);
        ExportDialog pinned(ExportDialog::Kind::Data, {"exact"}, "7, 40", nullptr);
        pinned.findChildren<QComboBox*>().last()->setCurrentIndex(2);
        QCOMPARE(pinned.region(), ExportDialog::Region::PinnedRows);
    }

    void pinsAreKeptInTheSession()
    {
        Opened opened;
        QVERIFY(opened.settle());
        opened.controller.edit([](Session& s) { setPins(s.view, {{3, 1}, {9, 4}, {20, 7}}); });
        QCOMPARE(opened.board.pins(), (std::vector<MapCell>{{3, 1}, {9, 4}, {20, 7}}));
        const auto back = sessionFromJson(sessionToJson(opened.controller.session(), {}), {});
        QVERIFY(back.ok());
        QCOMPARE(pinsOf(back->view), opened.board.pins());
        opened.action(QStringLiteral("Unpin"))->trigger();
        QVERIFY(opened.board.pins().empty());
        QVERIFY(opened.controller.session().view.morePins.empty());
    }

    void copiesWhatIsUnderThePointer()
    {
        Opened opened;
        QVERIFY(opened.settle());
        for (QWidget* widget : opened.window.findChildren<QWidget*>()) // wherever other tests left the pointer
            widget->setAttribute(Qt::WA_UnderMouse, false);
        QVERIFY(copyPane(opened.window.panels()).contains("board"));
        QVERIFY(!QApplication::clipboard()->pixmap().isNull());
        opened.board.pane(1)->setAttribute(Qt::WA_UnderMouse);
        QVERIFY(copyPane(opened.window.panels()).contains(opened.board.pane(1)->content().title));
        QCOMPARE(QApplication::clipboard()->pixmap().size(), opened.board.pane(1)->grab().size());
    }

    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        qputenv("XDG_CONFIG_HOME", m_folder.path().toUtf8()); // settings of the test, not of the user
    }

    void aRangeHoldsForTheMapUnlessLocked()
    {
        Opened opened;
        QVERIFY(opened.settle());
        auto& controller = opened.controller;
        controller.edit([](Session& s) { s.view.range = {0.001, 0.1}; });
        QCOMPARE(opened.board.pane(0)->scale().low, 0.001);
        QCOMPARE(opened.board.pane(1)->scale().high, 0.1);
        QVERIFY(opened.board.automaticScale().high > 0.1);
        controller.step(0, 1);
        QVERIFY(!controller.session().view.range);
        controller.edit([](Session& s) {
            s.view.range = {0.001, 0.1};
            s.view.lockRange = true;
        });
        controller.step(0, -1);
        QVERIFY(controller.session().view.range.has_value());
        QVERIFY(opened.settle());
        QCOMPARE(opened.board.sharedScale().high, 0.1);
    }

    void thePopupSendsTypedNumbersAndRules()
    {
        Opened opened;
        QVERIFY(opened.settle());
        auto* popup = opened.window.findChild<RangePopup*>();
        opened.action(QStringLiteral("Colour range…"))->trigger();
        QVERIFY(popup->isVisible());
        const auto edits = popup->findChildren<QLineEdit*>();
        QCOMPARE(edits.size(), 2);
        edits[0]->selectAll();
        QTest::keyClicks(edits[0], QStringLiteral("0.002"));
        QTest::keyClick(edits[0], Qt::Key_Return);
        const auto& range = opened.controller.session().view.range;
        QVERIFY(range.has_value());
        QCOMPARE(range->first, 0.002);
        edits[0]->selectAll();
        QTest::keyClicks(edits[0], QStringLiteral("7"));
        QTest::keyClick(edits[0], Qt::Key_Return); // above the high end: refused
        QCOMPARE(range->first, 0.002);
        for (auto* button : popup->findChildren<QPushButton*>())
            if (button->text() == QStringLiteral("99 %"))
                button->click();
        const auto values = drawnValues(opened.board, false);
        QVERIFY(values.size() > 1000);
        QCOMPARE(*range, *rangeBy(RangeRule::Percent99, values, opened.board.automaticScale()));
        for (auto* button : popup->findChildren<QPushButton*>())
            if (button->text() == QStringLiteral("&Automatic"))
                button->click();
        QVERIFY(!opened.controller.session().view.range);
    }

    void hidingTheSinkChangesTheRangeAndSaysSo()
    {
        Opened opened;
        QVERIFY(opened.settle());
        auto& controller = opened.controller;
        const double value = *controller.board().exact->map->cell(3, 0);
        QAction* hide = opened.action(QStringLiteral("Hide column 0 (sink)"));
        hide->trigger();
        QVERIFY(opened.settle());
        QVERIFY(controller.session().view.hideSink);
        QVERIFY(hide->isChecked());
        double largest = 0.0; // beyond key 0, of the maps that share the scale
        for (const float x : drawnValues(opened.board, true))
            largest = std::max(largest, double(x));
        QCOMPARE(opened.board.sharedScale().high, largest);
        for (std::size_t i = 0; i < opened.board.paneCount(); ++i)
            QVERIFY(opened.board.pane(i)->content().subtitle.contains(QStringLiteral("key 0 hidden")));
        QCOMPARE(*controller.board().exact->map->cell(3, 0), value);
    }

    void thePaletteFiltersAndRuns()
    {
        Opened opened;
        QVERIFY(opened.settle());
        opened.action(QStringLiteral("Command palette…"))->trigger();
        auto* palette = opened.window.findChild<CommandPalette*>();
        QVERIFY(palette);
        const auto all = palette->shown().size();
        QTest::keyClicks(&palette->filter(), QStringLiteral("next head"));
        QVERIFY(!palette->shown().isEmpty() && palette->shown().size() < all);
        QVERIFY(palette->shown().first().startsWith(QStringLiteral("Next head")));
        QTest::keyClick(&palette->filter(), Qt::Key_Return);
        QVERIFY(QTest::qWaitFor([&] { return opened.controller.session().head.head == 1; }, kPatience));
        QVERIFY(opened.settle());
    }

    void previousViewIsOfferedOnceThereIsOne()
    {
        Opened opened;
        QVERIFY(opened.settle());
        QAction* back = opened.action(QStringLiteral("Previous view"));
        QAction* forward = opened.action(QStringLiteral("Next view"));
        QVERIFY(!back->isEnabled() && !forward->isEnabled());
        opened.board.view()->zoomTo({10.0, 10.0, 40.0, 40.0});
        QVERIFY(back->isEnabled() && !forward->isEnabled());
        back->trigger();
        QVERIFY(!back->isEnabled() && forward->isEnabled());
        QVERIFY(opened.board.view()->isFitted());
    }

    void theHeadGridGrowsAndComesBackWithTheChosenHead()
    {
        Opened opened;
        QVERIFY(opened.settle());
        const auto& panels = opened.window.panels();
        QAction* grid = opened.action(QStringLiteral("Head grid"));
        const int before = panels.heads->cellRect(0, 0).width();
        grid->trigger();
        QVERIFY(panels.headsDock->isFloating());
        QVERIFY(QTest::qWaitFor([&] { return panels.heads->cellRect(0, 0).width() > before; }, kPatience));
        QTest::mouseClick(panels.heads, Qt::LeftButton, Qt::NoModifier, panels.heads->cellRect(0, 1).center());
        QTest::mouseDClick(panels.heads, Qt::LeftButton, Qt::NoModifier, panels.heads->cellRect(0, 1).center());
        QVERIFY(!panels.headsDock->isFloating());
        QCOMPARE(opened.controller.session().head.head, Index(1));
        QVERIFY(opened.settle());
    }

    void aDroppedFileOpens()
    {
        MainWindow window({&cpuBackend()}, {});
        window.show();
        QMimeData file;
        file.setUrls({QUrl::fromLocalFile(tests::plantedTensors())});
        QDragEnterEvent enter({50, 50}, Qt::CopyAction, &file, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&window, &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop({50.0, 50.0}, Qt::CopyAction, &file, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&window, &drop);
        auto& controller = window.controller();
        QVERIFY(QTest::qWaitFor([&] { return controller.jobs().idle() && controller.board().exact; }, kPatience));
        QVERIFY(controller.session().input.path.ends_with("planted_pattern.safetensors"));
    }

    void aCancelledInputSaysHowToGoOn()
    {
        MainWindow window({&cpuBackend()}, {});
        window.show();
        auto& controller = window.controller();
        window.open(tests::sampleFile(QStringLiteral("hamlet_opening.txt"))); // 16,000 tokens: takes a while
        controller.cancelAll();
        QVERIFY(QTest::qWaitFor([&] { return controller.jobs().idle(); }, kPatience));
        QVERIFY(!controller.board().exact);
        QVERIFY(controller.board().failure.has_value());
        QVERIFY(!controller.board().failure->hint.empty());
        QVERIFY(window.panels().board->pane(0)->content().message.contains(QString::fromStdString(controller.board().failure->hint)));
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestWindowControls> registered("test_window_controls");

#include "test_window_controls.moc"
