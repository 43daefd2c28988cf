// SPDX-License-Identifier: GPL-3.0-or-later
// Curves of recurrent mixers: half-lives, and the capacity line against what random and repeated keys give.
#include "core/engine/mixer_theory.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

using namespace attnscope;
using namespace attnscope::tests;

class TestMixerTheory : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void halfLifeIsWhereTheCurveCrossesAHalf()
    {
        const auto curve = halfLifeCurve(std::log(0.5) / 40.0, 1000, "test");
        QVERIFY(curve.caption.find("every 40 tokens") != std::string::npos);
        for (std::size_t i = 0; i < curve.x.size(); ++i)
            QVERIFY(std::fabs(curve.predicted[i] - std::pow(0.5, curve.x[i] / 40.0)) < 1e-12);
        QVERIFY(curve.x.back() < 1000.0 && curve.x.back() > 700.0);
        QVERIFY(halfLifeCurve(0.0, 10, "test").caption.find("Nothing decays") == 0);
        QCOMPARE(halfLifeCurve(-1.0, 1, "test").x.size(), std::size_t{1});
    }

    void randomKeysLieOnTheCapacityLine()
    {
        const auto data = randomInputs({1, 1, 512, 512, 64, 1}, 301);
        const auto line = capacityCurve(data.inputs(true), {}, {}, {});
        QVERIFY(line.ok());
        QCOMPARE(line->x.back(), 512.0);
        for (std::size_t i = 2; i < line->x.size(); ++i) {
            QVERIFY(std::fabs(line->predicted[i] - std::sqrt(64.0 / (line->x[i] - 1.0))) < 1e-12);
            QVERIFY(std::fabs(line->measured[i] / line->predicted[i] - 1.0) < 0.15);
        }
    }

    void deltaRuleBeatsTheLineUntilKeysFillTheState()
    {
        const auto data = randomInputs({1, 1, 512, 512, 64, 1}, 302);
        const auto line = capacityCurve(data.inputs(true), {}, 1.0, {});
        QVERIFY(line.ok());
        QCOMPARE(line->x[3], 16.0);
        QVERIFY(line->measured[3] > 1.15 * line->predicted[3]); // d / 4 keys
        QCOMPARE(line->x[6], 128.0);
        QVERIFY(line->measured[6] < 0.85 * line->predicted[6]); // 2 d keys
    }

    void equalKeysCannotBeToldApart()
    {
        auto data = randomInputs({1, 1, 64, 64, 16, 1}, 303);
        std::fill(data.k.values().begin(), data.k.values().end(), 0.5F);
        const auto line = capacityCurve(data.inputs(true), {}, {}, {});
        QVERIFY(line.ok());
        for (std::size_t i = 0; i < line->x.size(); ++i)
            QVERIFY(std::fabs(line->measured[i] - 1.0 / std::sqrt(line->x[i] - 1.0)) < 1e-9);
    }

    void stops()
    {
        const auto data = randomInputs({1, 1, 64, 64, 16, 1}, 304);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        QCOMPARE(capacityCurve(data.inputs(true), {}, {}, context).error().code, Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestMixerTheory> registered("test_mixer_theory");

#include "test_mixer_theory.moc"
