// SPDX-License-Identifier: GPL-3.0-or-later
// The text in the window: searching, clicking and jumping change session, maps and strips; tensors say why there is none.
#include "core/session/measure_rows.h"
#include "support/opened_window.h"
#include "support/register_test.h"
#include "ui/map_pane.h"
#include "ui/map_strip.h"
#include "ui/text_panel.h"
#include "ui/view_state.h"

#include <QDockWidget>
#include <QLineEdit>

using namespace attnscope;

namespace {

struct Opened : tests::OpenedWindow {
    TextPanel* text = window.panels().text;

    explicit Opened(const QString& sample) : OpenedWindow(tests::sampleFile(sample)) {}
};

} // namespace

class TestTextTools : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void searchClickAndJump()
    {
        Opened opened(QStringLiteral("planted_repetition.txt"));
        QVERIFY(opened.settle());
        const TextIndex& index = opened.text->text();
        QCOMPARE(index.length(), opened.controller.board().document->info().length);

        TextChoice choice;
        choice.search = "the";
        opened.text->setChoice(choice);
        QVERIFY(opened.text->hits().size() > 1);
        QCOMPARE(opened.controller.session().text, choice);
        QVERIFY(opened.settle());
        const QImage marked = opened.board.pane(0)->grab().toImage();
        choice.only = true;
        opened.text->setChoice(choice);
        QVERIFY(opened.settle());
        QVERIFY(marked != opened.board.pane(0)->grab().toImage());
        QVERIFY(opened.action(QStringLiteral("Only found tokens"))->isChecked());
        QVERIFY(opened.window.panels().metricsDock->windowTitle().startsWith(QStringLiteral("Metrics of")));
        const auto& first = opened.controller.board().approximations.front();
        QVERIFY(first.metrics);
        std::vector<Index> found;
        for (const auto& [from, to] : opened.text->marks().tokens)
            for (Index i = from; i < to; ++i)
                found.push_back(i);
        const auto expected = measureRows(*first.comparison, found, {});
        QVERIFY(expected.ok());
        QCOMPARE(first.metrics->map.relFrobenius, expected->map.relFrobenius);
        opened.text->step(1);
        QCOMPARE(opened.controller.session().text.hit, std::optional<Index>(0));
        opened.text->setChoice({});
        QVERIFY(opened.text->marks().tokens.empty());
        QCOMPARE(opened.window.panels().metricsDock->windowTitle(), QStringLiteral("Metrics"));

        Q_EMIT opened.text->queryChosen(20);
        Q_EMIT opened.text->keyChosen(4);
        QCOMPARE(opened.controller.session().view.pinnedQuery, std::optional<Index>(20));
        QCOMPARE(opened.controller.session().view.pinnedKey, std::optional<Index>(4));

        opened.board.view()->zoomTo({0.0, 0.0, 10.0, 10.0});
        const Index far = index.length() - 2;
        opened.text->focusJump();
        Q_EMIT opened.text->jumped(far);
        QCOMPARE(opened.window.focusWidget(), static_cast<QWidget*>(&opened.board));
        QVERIFY(opened.board.view()->rect().contains(QPointF(double(far), double(far))));
        QCOMPARE(opened.board.view()->rect().width(), 10.0); // the zoom stays
        QCOMPARE(opened.controller.session().view.pinnedQuery, std::optional(far));
        QVERIFY(opened.window.panels().rowStrip->windowRect().top() > 0);
    }

    void tensorsHaveNoTextButPositions()
    {
        Opened opened(QStringLiteral("planted_pattern.safetensors"));
        QVERIFY(opened.settle());
        const bool labels = !opened.controller.board().document->info().tokens.empty();
        QCOMPARE(opened.text->text().isEmpty(), !labels);
        QCOMPARE(opened.action(QStringLiteral("Find in the text…"))->isEnabled(), labels);
        QVERIFY(opened.action(QStringLiteral("Jump to a token…"))->isEnabled());
        Q_EMIT opened.text->jumped(3);
        QCOMPARE(opened.controller.session().view.pinnedQuery, std::optional<Index>(3));
    }

    void findOpensThePanel()
    {
        Opened opened(QStringLiteral("planted_repetition.txt"));
        QVERIFY(opened.settle());
        opened.action(QStringLiteral("Find in the text…"))->trigger();
        QVERIFY(opened.window.panels().textDock->isVisible());
        QTRY_VERIFY(!opened.text->visibleRegion().isEmpty());
    }
};

static const attnscope::tests::RegisterTest<TestTextTools> registered("test_text_tools");

#include "test_text_tools.moc"
