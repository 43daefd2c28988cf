// SPDX-License-Identifier: GPL-3.0-or-later
// Text panel, text view and strips: search counts and steps, clicks name tokens, drags move the window, a long text is laid out once.
#include "support/register_test.h"
#include "ui/map_strip.h"
#include "ui/text_panel.h"
#include "ui/token_bands.h"
#include "ui/view_state.h"

#include <QLineEdit>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>

using namespace attnscope;

namespace {

/// Tokens "word0 ", "word1 " ... with a line's end after every tenth.
std::shared_ptr<const TextIndex> words(Index count)
{
    DocumentInfo info;
    for (Index i = 0; i < count; ++i) {
        const auto first = static_cast<Index>(info.text.size());
        info.text += "word" + std::to_string(i) + (i % 10 == 9 ? "\n" : " ");
        info.tokenBytes.emplace_back(first, static_cast<Index>(info.text.size()));
        info.tokens.push_back("word");
    }
    info.length = count;
    return std::make_shared<const TextIndex>(info);
}

} // namespace

class TestTextPanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void searchCountsAndSteps()
    {
        TextPanel panel;
        panel.resize(300, 300);
        panel.setText(words(100), {});
        QSignalSpy went(&panel, &TextPanel::wentTo);
        TextChoice choice;
        choice.search = "WORD1";
        panel.setChoice(choice);
        QCOMPARE(panel.countText(), QStringLiteral("11 places")); // word1, word10 ... word19
        QCOMPARE(panel.marks().tokens.size(), std::size_t{11});
        panel.step(1);
        QCOMPARE(panel.countText(), QStringLiteral("1 of 11"));
        QCOMPARE(went.last().at(0).value<Index>(), Index{1});
        panel.step(1);
        QCOMPARE(went.last().at(0).value<Index>(), Index{10});
        panel.step(-1);
        panel.step(-1);
        QCOMPARE(panel.countText(), QStringLiteral("11 of 11"));
        QCOMPARE(panel.marks().current, std::optional<std::size_t>(10));
        choice.matchCase = true;
        panel.setChoice(choice);
        QCOMPARE(panel.countText(), QStringLiteral("not found"));
        QVERIFY(panel.marks().tokens.empty());
    }

    void typingSearches()
    {
        TextPanel panel;
        panel.setText(words(100), {});
        QSignalSpy changed(&panel, &TextPanel::changed);
        auto* field = panel.findChildren<QLineEdit*>().first();
        QTest::keyClicks(field, QStringLiteral("word9"));
        QTRY_COMPARE(panel.countText(), QStringLiteral("11 places"));
        QCOMPARE(changed.count(), 1); // not once a letter
        QTest::keyClick(field, Qt::Key_Return);
        QCOMPARE(panel.countText(), QStringLiteral("1 of 11"));
    }

    void aClickNamesTheTokenUnderIt()
    {
        TextView view;
        view.resize(400, 200);
        view.setText(words(200), {});
        view.show();
        QSignalSpy query(&view, &TextView::queryChosen);
        QSignalSpy key(&view, &TextView::keyChosen);
        for (const Index token : {0, 7, 23}) {
            const QPoint at = view.rectOf(token).center();
            QCOMPARE(view.tokenAt(at), std::optional(token));
            QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, at);
            QCOMPARE(query.last().at(0).value<Index>(), token);
            QTest::mouseClick(view.viewport(), Qt::RightButton, {}, at);
            QTest::mouseClick(view.viewport(), Qt::LeftButton, Qt::ControlModifier, at);
            QCOMPARE(key.last().at(0).value<Index>(), token);
        }
        QCOMPARE(query.count(), 3);
        QCOMPARE(key.count(), 6);
    }

    void scrollsToATokenOutOfSight()
    {
        TextView view;
        view.resize(400, 200);
        view.setText(words(5000), {});
        view.show();
        QVERIFY(view.lineCount() >= 500);
        view.showToken(4000);
        QVERIFY(view.viewport()->rect().contains(view.rectOf(4000).center()));
        const int top = view.verticalScrollBar()->value();
        view.showToken(4001); // in sight already
        QCOMPARE(view.verticalScrollBar()->value(), top);
        view.resize(300, 200); // other lines, the same place
        QVERIFY(view.verticalScrollBar()->value() > 0);
    }

    void weightsColourTokens()
    {
        TextView view;
        view.resize(400, 100);
        view.setText(words(20), {});
        view.show();
        std::vector<float> weights(20, 0.0F);
        weights[3] = 0.5F;
        const QImage plain = view.grab().toImage();
        view.setWeights(weights);
        const QImage coloured = view.grab().toImage();
        const QPoint corner = view.rectOf(3).topLeft() + QPoint(2, 3);
        QVERIFY(plain.pixel(corner) != coloured.pixel(corner));
        QCOMPARE(plain.pixel(view.rectOf(9).topLeft() + QPoint(2, 3)), coloured.pixel(view.rectOf(9).topLeft() + QPoint(2, 3)));
    }

    void inputsWithoutTokensStillJump()
    {
        TextPanel panel;
        DocumentInfo info;
        info.length = 64;
        panel.setText(std::make_shared<const TextIndex>(info), QStringLiteral("no tokens"));
        const auto fields = panel.findChildren<QLineEdit*>();
        QVERIFY(!fields.first()->isEnabled());
        QSignalSpy jumped(&panel, &TextPanel::jumped);
        fields.last()->setText(QStringLiteral("63"));
        QTest::keyClick(fields.last(), Qt::Key_Return);
        QCOMPARE(jumped.count(), 1);
        fields.last()->setText(QStringLiteral("64"));
        QTest::keyClick(fields.last(), Qt::Key_Return);
        QCOMPARE(jumped.count(), 1);
    }

    void marksKeepAPixelAtEveryZoom()
    {
        TextMarks marks;
        marks.tokens = {{10, 11}, {12, 13}, {99999, 100000}};
        const auto overview = markedPixels(marks, 0.0, 100000.0, 500);
        QCOMPARE(overview.size(), std::size_t{2}); // the first two share one
        QCOMPARE(overview[0], (std::pair{0, 1}));
        QCOMPARE(overview[1], (std::pair{499, 500}));
        const auto close = markedPixels(marks, 8.0, 10.0, 500);
        QCOMPARE(close.size(), std::size_t{2});
        QCOMPARE(close[0], (std::pair{100, 150}));
        QVERIFY(markedPixels(marks, 200.0, 100.0, 500).empty());
    }

    void manyMarksAreShadedByTheirNumber()
    {
        TextMarks few;
        few.tokens = {{10, 11}, {99999, 100000}};
        for (const PixelMark& mark : pixelMarks(few, 0.0, 100000.0, 500))
            QCOMPARE(mark.strength, 1.0F);
        TextMarks many; // of the first half every second token, of the second half every twentieth
        for (Index i = 0; i < 100000; i += i < 50000 ? 2 : 20)
            many.tokens.emplace_back(i, i + 1);
        const auto shaded = pixelMarks(many, 0.0, 100000.0, 500);
        QCOMPARE(shaded.size(), std::size_t{500}); // each pixel has some
        QCOMPARE(shaded[100].strength, 1.0F);
        QVERIFY(shaded[400].strength < 0.3F && shaded[400].strength > 0.0F);
        const auto close = pixelMarks(many, 0.0, 10.0, 500); // cell by cell again
        QCOMPARE(close.size(), std::size_t{5});
        for (const PixelMark& mark : close)
            QCOMPARE(mark.strength, 1.0F);
    }

    void aDragOnTheStripMovesTheWindow()
    {
        ViewState view;
        view.setMatrix(1000, 1000);
        view.zoomTo({100.0, 200.0, 100.0, 100.0});
        MapStrip strip(Qt::Vertical, &view);
        strip.resize(22, 500);
        strip.show();
        QCOMPARE(strip.windowRect(), QRect(0, 100, 22, 50));
        QTest::mousePress(&strip, Qt::LeftButton, {}, {10, 125});
        QTest::mouseMove(&strip, {10, 225});
        QTest::mouseRelease(&strip, Qt::LeftButton, {}, {10, 225});
        QCOMPARE(view.rect(), QRectF(100.0, 400.0, 100.0, 100.0));
        QVERIFY(view.canGoBack());
        QTest::mouseClick(&strip, Qt::LeftButton, {}, {10, 25}); // outside: its middle comes there
        QCOMPARE(view.rect(), QRectF(100.0, 0.0, 100.0, 100.0));
        MapStrip columns(Qt::Horizontal, &view);
        columns.resize(500, 22);
        QCOMPARE(columns.windowRect(), QRect(50, 0, 50, 22));
        columns.setTransposed(true);
        QCOMPARE(columns.windowRect(), QRect(0, 0, 50, 22));
    }
};

static const attnscope::tests::RegisterTest<TestTextPanel> registered("test_text_panel");

#include "test_text_panel.moc"
