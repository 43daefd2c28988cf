// SPDX-License-Identifier: GPL-3.0-or-later
// Quantiles of what is left of a token: one decay, two channels, decays that differ by token.
#include "core/engine/decay_envelope.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

using namespace attnscope;

class TestDecayEnvelope : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneDecayIsOneCurve()
    {
        const auto curves = decayEnvelope(
            100, 3, [](Index, Index) { return -0.05; }, "test");
        QCOMPARE(curves.size(), std::size_t{3});
        for (const auto& curve : curves) {
            QCOMPARE(curve.x.size(), curve.predicted.size());
            QCOMPARE(curve.x.front(), 1.0);
            QVERIFY(curve.x.back() < 100.0 && !curve.caption.empty());
            for (std::size_t i = 0; i < curve.x.size(); ++i)
                QVERIFY(std::abs(curve.predicted[i] - std::exp(-0.05 * curve.x[i])) < 1e-12);
        }
    }

    void slowAndFastChannelsBoundIt()
    {
        const auto curves = decayEnvelope(
            50, 9, [](Index, Index c) { return c == 0   ? -1.0
                                               : c == 8 ? -0.001
                                                        : -0.1; }, "test");
        for (std::size_t i = 0; i < curves[0].x.size(); ++i) {
            const double d = curves[0].x[i];
            QVERIFY(std::abs(curves[0].predicted[i] - std::exp(-0.1 * d)) < 1e-12);
            QVERIFY(std::abs(curves[1].predicted[i] - std::exp(-0.001 * d)) < 1e-12);
            QVERIFY(std::abs(curves[2].predicted[i] - std::exp(-d)) < 1e-12);
        }
    }

    void aTokenThatForgetsAllCutsTheRest()
    {
        const auto curves = decayEnvelope(
            64, 1, [](Index t, Index) { return t == 32 ? -50.0 : 0.0; }, "test");
        QCOMPARE(curves[0].predicted.front(), 1.0);  // few pairs of neighbours lie across it
        QVERIFY(curves[0].predicted.back() < 1e-20); // all distant pairs do
    }

    void oneTokenHasNoDistance()
    {
        const auto curves = decayEnvelope(
            1, 2, [](Index, Index) { return -1.0; }, "test");
        for (const auto& curve : curves)
            QVERIFY(curve.x == std::vector{0.0} && curve.predicted == std::vector{1.0});
    }
};

static const attnscope::tests::RegisterTest<TestDecayEnvelope> registered("test_decay_envelope");

#include "test_decay_envelope.moc"
