// SPDX-License-Identifier: GPL-3.0-or-later
// The closed form of sparse error equals what is measured where rows are renormalised, and stays below it elsewhere.
#include "core/method/registry.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

using namespace attnscope;
using namespace attnscope::tests;

class TestLostMass : public QObject {
    Q_OBJECT

private:
    static std::vector<TheoryCurve> curvesOf(const char* id, bool causal)
    {
        const auto data = randomInputs({1, 2, 300, 330, 16, 4}, 3, 1.4F);
        const auto& method = *findMethod(id);
        auto curves = method.theory(data.inputs(causal), {0, 1}, defaultParams(method.info().params, 1), {});
        return curves ? *std::move(curves) : std::vector<TheoryCurve>{};
    }

private Q_SLOTS:
    void renormalisedMapsLoseWhatTheyDrop_data()
    {
        QTest::addColumn<QString>("id");
        QTest::newRow("window") << "window";
        QTest::newRow("bigbird") << "bigbird";
        QTest::newRow("topk") << "topk";
    }
    void renormalisedMapsLoseWhatTheyDrop()
    {
        QFETCH(QString, id);
        const auto curves = curvesOf(id.toLatin1(), id == "window");
        QCOMPARE(curves.size(), std::size_t{1});
        QVERIFY(curves.front().kind == TheoryKind::Prediction);
        QVERIFY(curves.front().predicted.front() > 0.1);
        for (std::size_t i = 0; i < curves.front().x.size(); ++i)
            QVERIFY(std::fabs(curves.front().predicted[i] - curves.front().measured[i]) < 1e-5);
    }

    void othersLoseAtLeastThat_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<bool>("causal");
        QTest::newRow("reformer") << "reformer" << false;
        QTest::newRow("reformer, causal") << "reformer" << true;
        QTest::newRow("routing") << "routing" << false;
        QTest::newRow("routing, causal") << "routing" << true;
    }
    void othersLoseAtLeastThat()
    {
        QFETCH(QString, id);
        QFETCH(bool, causal);
        const auto curves = curvesOf(id.toLatin1(), causal);
        QCOMPARE(curves.size(), std::size_t{1});
        QVERIFY(curves.front().kind == TheoryKind::LowerBound);
        for (std::size_t i = 0; i < curves.front().x.size(); ++i)
            QVERIFY(curves.front().measured[i] >= curves.front().predicted[i] - 1e-5);
        QVERIFY(curves.front().predicted.front() > 0.01);
    }
};

static const attnscope::tests::RegisterTest<TestLostMass> registered("test_lost_mass");

#include "test_lost_mass.moc"
