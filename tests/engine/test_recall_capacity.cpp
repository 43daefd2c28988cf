// SPDX-License-Identifier: GPL-3.0-or-later
// The capacity line against what linear attention recalls of random keys, and of keys that resemble each other or fade.
#include "core/engine/recall_capacity.h"
#include "core/method/registry.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// Log-linear attention whose levels weigh alike is linear attention, with a decay of g.
Result<TheoryCurve> curveOf(const Inputs& in, const char* g)
{
    const auto& method = *findMethod("log-linear");
    return recallCapacityCurve(method, in, {}, *makeParams(method.info().params, {{"g", g}, {"ratio", "1"}}), {});
}

/// A decay of 0.1 halves weights every 7 tokens: it tells among more pairs than that.
bool curveFalls(double fading, double plain, double pairs) { return fading < (pairs > 20.0 ? 0.9 : 1.02) * plain; }

} // namespace

class TestRecallCapacity : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void linearAttentionKeepsToTheLine()
    {
        for (const Index d : {32, 64}) {
            const auto data = randomInputs({1, 1, 600, 600, d, 3}, 21);
            const auto curve = curveOf(data.inputs(true), "0");
            QVERIFY(curve.ok());
            QCOMPARE(curve->x.size(), std::size_t{5});
            for (std::size_t i = 0; i < curve->x.size(); ++i) {
                QCOMPARE(curve->x[i], static_cast<double>((d / 4) << i));
                const double pairs = curve->x[i] * (curve->x[i] - 1.0); // as many independent products, of which half differ
                QVERIFY(std::abs(curve->measured[i] / curve->predicted[i] - 1.0) < 0.03 + 3.0 / std::sqrt(pairs));
            }
        }
    }

    void orthogonalKeysBeatIt()
    {
        auto data = randomInputs({1, 1, 8, 8, 8, 3}, 22);
        std::fill(data.k.values().begin(), data.k.values().end(), 0.0F);
        for (Index j = 0; j < 8; ++j)
            data.k.matrix()(j, j) = 3.0F;
        const auto curve = curveOf(data.inputs(true), "0");
        QVERIFY(curve.ok());
        for (const double ratio : curve->measured)
            QVERIFY(std::abs(ratio - 1000.0) < 1e-6); // nothing but signal: the largest ratio that is drawn
    }

    void likeKeysAndDecayLowerIt()
    {
        auto data = randomInputs({1, 1, 400, 400, 32, 3}, 23);
        const auto plain = curveOf(data.inputs(true), "0");
        const auto fading = curveOf(data.inputs(true), "-0.1");
        for (Index j = 0; j < 400; ++j)
            data.k.matrix()(j, 0) += 4.0F;
        const auto like = curveOf(data.inputs(true), "0");
        QVERIFY(plain && fading && like);
        for (std::size_t i = 0; i < plain->x.size(); ++i) {
            QVERIFY(like->measured[i] < 0.8 * plain->measured[i]);
            QVERIFY(curveFalls(fading->measured[i], plain->measured[i], plain->x[i]));
        }
    }

    void fewKeysSaySo()
    {
        const auto data = randomInputs({1, 1, 3, 3, 32, 3}, 24);
        const auto curve = curveOf(data.inputs(true), "0");
        QVERIFY(curve.ok() && curve->x.empty() && !curve->caption.empty());
    }
};

static const attnscope::tests::RegisterTest<TestRecallCapacity> registered("test_recall_capacity");

#include "test_recall_capacity.moc"
