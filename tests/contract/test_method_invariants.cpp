// SPDX-License-Identifier: GPL-3.0-or-later
// Truths across methods: no map beats the best of its rank or of its number of keys, limits are exact, exact methods agree.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr Index kLength = 150;

/// Every whole number well below its default, so that bounds bind at a length that a test can afford.
Params smallParams(const MethodInfo& info)
{
    Params params = defaultParams(info.params, 3);
    for (const auto& spec : info.params)
        if (spec.kind == ParamKind::Number && spec.integer && spec.initial > 0.0)
            params.numbers[spec.key] = std::clamp(std::floor(spec.initial / 9.0), spec.min, spec.max);
    return params;
}

} // namespace

class TestMethodInvariants : public QObject {
    Q_OBJECT

private:
    static void addMethods()
    {
        QTest::addColumn<QString>("id");
        for (const auto& method : allMethods())
            QTest::newRow(method->info().id.c_str()) << QString::fromStdString(method->info().id);
    }

    static const AttentionMethod& current()
    {
        QFETCH(QString, id);
        return *findMethod(id.toStdString());
    }

    int m_ranksSeen = 0;
    int m_sparseSeen = 0;

private Q_SLOTS:
    void noLowRankMapBeatsTheBestOfItsRank_data() { addMethods(); }
    void noLowRankMapBeatsTheBestOfItsRank()
    {
        const auto& method = current();
        const Shape shape{1, 1, kLength, kLength, 16, 2};
        if (!method.info().supportsBidirectional)
            return;
        for (const Params& params : {defaultParams(method.info().params, 3), smallParams(method.info())}) {
            const Index rank = method.rankBound(shape, params);
            if (rank == 0 || rank >= kLength)
                continue;
            for (const float deviation : {0.5F, 1.0F, 2.0F}) {
                const auto data = randomInputs(shape, 81, deviation);
                const Matrix64 exact = exactMap(data.inputs(), {});
                const double floor = frobeniusDifference(mapOf("svd", data.inputs(), {{"rank", std::to_string(rank)}}), exact);
                const auto map = method.scores(data.inputs(), {}, params, {});
                QVERIFY(map.ok());
                const double error = frobeniusDifference(readWhole(**map), exact);
                QVERIFY2(error >= floor * (1.0 - 1e-5), qPrintable(QString("rank %1: %2 < %3").arg(rank).arg(error).arg(floor)));
            }
            ++m_ranksSeen;
        }
    }
    void someRanksWereBounded() { QVERIFY(m_ranksSeen > 10); }

    /// Keeping the largest is optimal for the mass that is kept.
    void noSparseMapLosesLessThanTheOracle_data() { addMethods(); }
    void noSparseMapLosesLessThanTheOracle()
    {
        const auto& method = current();
        const Shape shape{1, 1, kLength, kLength, 16, 2};
        const Params params = smallParams(method.info());
        const Index keys = method.keysPerRow(shape, params);
        if (keys == 0 || keys >= kLength)
            return;
        for (const bool causal : {false, true}) {
            if (causal ? !method.info().supportsCausal : !method.info().supportsBidirectional)
                continue;
            const auto data = randomInputs(shape, 83, 1.3F);
            const Matrix64 exact = exactMap(data.inputs(causal), {});
            const auto map = method.scores(data.inputs(causal), {}, params, {});
            QVERIFY(map.ok());
            const double oracle = lostMass(mapOf("topk", data.inputs(causal), {{"k", std::to_string(keys)}}), exact);
            QVERIFY(lostMass(readWhole(**map), exact) >= oracle - 1e-6);
            ++m_sparseSeen;
        }
    }
    void someSparseMapsWereSeen() { QVERIFY(m_sparseSeen >= 4); }

    /// Where the exact map is only cut and renormalised, what a row lost is its total variation.
    void lostMassIsTotalVariation_data() { addMethods(); }
    void lostMassIsTotalVariation()
    {
        const auto& method = current();
        const auto& info = method.info();
        if (info.id != "topk" && (info.family != "sparse" || !info.rowsSumToOne))
            return;
        const auto data = randomInputs({1, 1, kLength, kLength, 16, 2}, 84, 1.5F);
        const Matrix64 exact = exactMap(data.inputs(), {});
        const auto map = method.scores(data.inputs(), {}, smallParams(info), {});
        QVERIFY(map.ok());
        const Tensor whole = readWhole(**map);
        QVERIFY(lostMass(whole, exact) > 0.01);
        QVERIFY(std::fabs(totalVariation(whole, exact) - lostMass(whole, exact)) < 1e-6);
    }

    void limitsAreExact_data() { addMethods(); }
    void limitsAreExact()
    {
        const auto& method = current();
        const auto& info = method.info();
        if (info.exactWith.empty())
            return;
        const auto params = makeParams(info.params, info.exactWith, 4);
        QVERIFY(params.ok());
        const auto data = randomInputs({1, 2, 70, 70, 16, 6}, 85, 1.2F);
        for (const bool causal : {false, true}) {
            if (causal ? !info.supportsCausal : !info.supportsBidirectional)
                continue;
            const auto map = method.scores(data.inputs(causal), {0, 1}, *params, {});
            QVERIFY(map.ok());
            const double gap = maxDifference(readWhole(**map), exactMap(data.inputs(causal), {0, 1}));
            QVERIFY2(gap < 2e-5, qPrintable(QString::number(gap)));
        }
    }

    void exactMethodsAgree()
    {
        for (const bool causal : {false, true}) {
            const auto data = randomInputs({2, 2, 77, 91, 24, 10}, 82, 1.5F, 1);
            const auto truth = findMethod("softmax-reference")->run(data.inputs(causal), {}, {});
            QVERIFY(truth.ok());
            for (const auto& method : allMethods()) {
                if (!method->info().exact)
                    continue;
                const auto out = method->run(data.inputs(causal), defaultParams(method->info().params), {});
                QVERIFY(out.ok());
                QVERIFY(maxDifference(*out, *truth) < 4e-6);
                const auto source = method->scores(data.inputs(causal), {}, defaultParams(method->info().params), {});
                QVERIFY((*source)->provenance() == Provenance::Exact);
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestMethodInvariants> registered("test_method_invariants");

#include "test_method_invariants.moc"
