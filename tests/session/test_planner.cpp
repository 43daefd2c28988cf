// SPDX-License-Identifier: GPL-3.0-or-later
// The table "what recomputes when I change X".
#include "core/session/planner.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

namespace {

Session twoMethods()
{
    Session session;
    session.input.text = "A whale is a whale.";
    session.approximations = {{"performer", {{"features", "64"}}, 0}, {"window", {}, 0}};
    return session;
}

using Jobs = std::vector<PlannedJob>;

} // namespace

class TestPlanner : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void startComputesEverything()
    {
        const auto jobs = plan(nullptr, twoMethods());
        QVERIFY((jobs == Jobs{{Task::OpenInput},
                              {Task::LoadLayer},
                              {Task::Exact},
                              {Task::Approximation, 0},
                              {Task::Approximation, 1},
                              {Task::Thumbnails}}));
    }

    void nothingChangedComputesNothing() { QVERIFY(plan(std::make_unique<Session>(twoMethods()).get(), twoMethods()).empty()); }

    void aSliderComputesItsOwnMethodOnly()
    {
        const auto before = twoMethods();
        auto after = before;
        after.approximations[0].params[0].second = "128";
        QVERIFY((plan(&before, after) == Jobs{{Task::Approximation, 0}}));
    }

    void anotherHeadKeepsInputAndThumbnails()
    {
        const auto before = twoMethods();
        auto after = before;
        after.head.head = 2;
        QVERIFY((plan(&before, after) == Jobs{{Task::Exact}, {Task::Approximation, 0}, {Task::Approximation, 1}}));
    }

    void anotherLayerLoadsIt()
    {
        const auto before = twoMethods();
        auto after = before;
        after.layer = 1;
        QVERIFY((plan(&before, after) == Jobs{{Task::LoadLayer}, {Task::Exact}, {Task::Approximation, 0}, {Task::Approximation, 1}}));
    }

    void causalRedrawsThumbnailsButKeepsTheInput()
    {
        const auto before = twoMethods();
        auto after = before;
        after.causal = false;
        QVERIFY((plan(&before, after) == Jobs{{Task::Exact}, {Task::Approximation, 0}, {Task::Approximation, 1}, {Task::Thumbnails}}));
    }

    void viewChangesComputeNoAttention_data()
    {
        QTest::addColumn<int>("which");
        QTest::newRow("pool") << 0;
        QTest::newRow("normalisation") << 1;
        QTest::newRow("colour map") << 2;
        QTest::newRow("pin") << 3;
        QTest::newRow("selected") << 4;
    }

    void viewChangesComputeNoAttention()
    {
        QFETCH(int, which);
        const auto before = twoMethods();
        auto after = before;
        switch (which) {
        case 0:
            after.view.pool = Pool::Mean;
            break;
        case 1:
            after.view.normalisation = Normalisation::Linear;
            break;
        case 2:
            after.view.colorMap = "magma";
            break;
        case 3:
            after.view.pinnedQuery = 4;
            break;
        default:
            after.selected = 1;
            break;
        }
        QVERIFY((plan(&before, after) == Jobs{{Task::Repaint}}));
    }

    void zoomLayoutAndHashComputeNothing()
    {
        const auto before = twoMethods();
        auto after = before;
        after.board.window = {1, 1, 4, 4};
        after.board.mode = BoardMode::Blink;
        after.layout.kind = LayoutKind::Teach;
        after.input.hash = "xxh3-0";
        QVERIFY(plan(&before, after).empty());
    }

    void errorMetricRecomputesErrorsOnly()
    {
        const auto before = twoMethods();
        auto after = before;
        after.view.metric = DifferenceMetric::Squared;
        QVERIFY((plan(&before, after) == Jobs{{Task::ErrorMap, 0}, {Task::ErrorMap, 1}}));
    }

    void anotherDeviceComputesTheHeadAgain()
    {
        const auto before = twoMethods();
        auto after = before;
        after.compute.backend = "cuda:0";
        const Jobs expected{{Task::Exact}, {Task::Approximation, 0}, {Task::Approximation, 1}};
        QVERIFY(plan(&before, after) == expected);
        auto other = after;
        other.compute.dtype = Dtype::F16;
        QVERIFY(plan(&after, other) == expected);
    }

    void addingAMethodComputesItAlone()
    {
        const auto before = twoMethods();
        auto after = before;
        after.approximations.push_back({"linear-elu", {}, 0});
        QVERIFY((plan(&before, after) == Jobs{{Task::Approximation, 2}}));
        QVERIFY((plan(&after, before) == Jobs{{Task::Repaint}}));
    }
};

static const attnscope::tests::RegisterTest<TestPlanner> registered("test_planner");

#include "test_planner.moc"
