// SPDX-License-Identifier: GPL-3.0-or-later
// Formulas of prefill and decoding: each term by hand.
#include "core/method/registry.h"
#include "core/stack/stack_cost.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

using namespace attnscope;
using attnscope::tests::architectureOf;

namespace {

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::abs(b); }

} // namespace

class TestStackCost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void fullAttentionCountsTheCausalHalf()
    {
        const auto a = architectureOf("gpt2");
        const auto p = parametersOf(a);
        const double n = 1000;
        QVERIFY(near(p.active, 12.0 * (4 * 768.0 * 768 + 8 * 768.0 * 768)));
        QVERIFY(near(prefillFlops(a, 3, 0, n), 3 * (2 * p.active * n + 2 * p.head + 12 * 2.0 * 12 * 64 * n * n)));
        QVERIFY(near(decodeFlops(a, 3, n), 3 * (2 * (p.active + p.head) + 12 * 4.0 * 12 * 64 * n)));
        // A prompt read in two parts costs what it costs at once, but for the second run of the head.
        QVERIFY(near(prefillFlops(a, 1, 0, 300) + prefillFlops(a, 1, 300, 700) - 2 * p.head, prefillFlops(a, 1, 0, n)));
    }

    void windowsAndRecurrencesAreLinear()
    {
        const auto a = architectureOf("samba-1.3b");
        const double w = 2048;
        const double sliding = 9 * 18.0 * 128;
        const double perToken = 2 * parametersOf(a).active + 9 * 4608.0 * (9 * 16 + 2 * 4);
        const double n = 10000;
        QVERIFY(near(prefillFlops(a, 1, 0, n), perToken * n + 2 * parametersOf(a).head + sliding * (4 * n * w - 2 * w * w)));
        QCOMPARE(decodeFlops(a, 1, 5000), decodeFlops(a, 1, 50000));
        const auto pure = architectureOf("mamba-1.4b");
        const double head = 2 * parametersOf(pure).head;
        QVERIFY(near(prefillFlops(pure, 1, 0, 2 * n) - head, 2 * (prefillFlops(pure, 1, 0, n) - head)));
    }

    /// What kernels work on, whole tiles, and what the methods say is of use differ by no more than the causal half.
    void recurrentPrefillAgreesWithTheMethods_data()
    {
        QTest::addColumn<QString>("method");
        for (const char* method :
             {"retention", "lightning", "mamba2", "mamba3", "gla", "hgrn2", "rwkv6", "deltanet", "gated-deltanet", "kda", "rwkv7"})
            QTest::newRow(method) << QString::fromLatin1(method);
    }

    void recurrentPrefillAgreesWithTheMethods()
    {
        QFETCH(QString, method);
        const auto* found = findMethod(method.toStdString());
        QVERIFY(found);
        const auto params = makeParams(found->info().params, {}, 0);
        QVERIFY(params.ok());
        constexpr Index n = 4096;
        for (const auto& [keyDim, valueDim] : {std::pair<Index, Index>{64, 64}, {128, 128}, {128, 256}, {128, 64}}) {
            Architecture one;
            one.layers.emplace_back();
            one.layers[0].recurrent = RecurrentShape{};
            one.layers[0].recurrent->method = method.toStdString();
            one.layers[0].recurrent->heads = 3;
            one.layers[0].recurrent->keyDim = keyDim;
            one.layers[0].recurrent->valueDim = valueDim;
            const double worked = prefillFlopTerms(one, 2, 0, double(n)).state;
            const double ofUse = found->cost({2, 3, n, n, keyDim, valueDim}, *params, true).flops;
            QVERIFY2(worked >= ofUse && worked <= 2.0 * ofUse, qPrintable(QString::number(worked / ofUse)));
        }
    }

    void decodingMovesWeightsCacheAndState()
    {
        const auto a = architectureOf("nemotron-h-8b");
        const auto moved = decodeBytes(a, 4, 1000);
        QCOMPARE(moved.kv, 4 * 1000 * 16384.0);
        QCOMPARE(moved.state, 2 * 4 * stateBytes(a));
        QCOMPARE(moved.weights, 2 * (parametersOf(a).active + parametersOf(a).head));
    }

    void experts()
    {
        const auto a = architectureOf("jamba-v0.1");
        const double expert = 3.0 * 4096 * 14336;
        // Sixteen mixtures of 16 experts, two a token; a large batch hits nearly all.
        QVERIFY(near(parametersRead(a, 1), parametersOf(a).active + parametersOf(a).head));
        const double two = parametersRead(a, 2) - parametersRead(a, 1);
        QVERIFY(near(two, 16 * expert * (16 * (1 - 0.875 * 0.875) - 2)));
        QVERIFY(near(parametersRead(a, 1e4) + parametersOf(a).embedding, parametersOf(a).total));
    }
};

static const attnscope::tests::RegisterTest<TestStackCost> registered("test_stack_cost");

#include "test_stack_cost.moc"
