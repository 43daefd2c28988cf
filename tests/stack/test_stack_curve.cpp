// SPDX-License-Identifier: GPL-3.0-or-later
// Curves on a card's ceilings, their labels, conversations, and where two architectures cross.
#include "core/base/run_context.h"
#include "core/stack/stack_curve.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

using namespace attnscope;
using attnscope::tests::architectureOf;

class TestStackCurve : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyCardIsReadable()
    {
        const auto names = cardNames();
        QCOMPARE(names, (std::vector<std::string>{"a100", "h100", "h100-calibrated", "laptop-cpu"}));
        for (const auto& name : names) {
            const auto card = findCard(name);
            QVERIFY(card.ok());
            QCOMPARE(card->label(false), std::string(name == "h100-calibrated" ? "calibrated" : "stated"));
            QVERIFY(card->flopPerSecond.at("bf16") > 1e11 && card->bytesPerSecond > 1e10 && card->memoryBytes > 1e10);
        }
        const auto unknown = findCard("../cards/h100");
        QVERIFY(!unknown.ok() && unknown.error().hint.find("laptop-cpu") != std::string::npos);
    }

    void aPointIsTheLargerOfArithmeticAndTraffic()
    {
        const auto a = architectureOf("llama-3.1-8b");
        const auto card = *findCard("h100");
        const auto point = pointAt(a, card, {}, 4096);
        QCOMPARE(point.prefillMs, 1e3 * prefillFlops(a, 1, 0, 4096) / 989.4e12);
        QCOMPARE(point.decodeMs, 1e3 * decodeBytes(a, 1, 4096).sum() / 3.35e12);
        QCOMPARE(point.kvBytes, 4096 * 131072.0);
        QCOMPARE(point.stateBytes, 0.0);
        QCOMPARE(point.weightBytes, 2 * parametersOf(a).total);
        QCOMPARE(point.label, std::string("stated"));
        QCOMPARE(pointAt(a, card, {}, 1).prefillMs, 1e3 * prefillBytes(a, 1, 0, 1) / 3.35e12);
    }

    void termsSayWhyItTakesThatLong()
    {
        const auto card = *findCard("h100");
        const auto llama = architectureOf("llama-3.1-8b");
        const auto hybrid = architectureOf("nemotron-h-8b");
        const auto longPrompt = pointAt(llama, card, {}, 262144);
        QCOMPARE(longPrompt.prefillTerms.sum(), longPrompt.prefillMs);
        QVERIFY(longPrompt.prefillTerms.attention > longPrompt.prefillTerms.weights());
        QCOMPARE(longPrompt.prefillTerms.state, 0.0);
        QVERIFY(pointAt(llama, card, {}, 4096).prefillTerms.attention < 0.1 * pointAt(llama, card, {}, 4096).prefillMs);
        const auto step = pointAt(hybrid, card, {}, 4096);
        QCOMPARE(step.decodeTerms.state, 1e3 * 2 * stateBytes(hybrid) / card.bytesPerSecond);
        QCOMPARE(step.decodeTerms.sum(), step.decodeMs);
        auto slow = card;
        slow.stepFloorMs = 1000.0;
        QVERIFY(pointAt(hybrid, slow, {}, 4096).decodeTerms.sum() < 1000.0);
    }

    void whatDoesNotFitSaysSo()
    {
        const auto a = architectureOf("llama-3.1-8b");
        const auto card = *findCard("h100"); // 16 GB of weights leave 64 GB: 488,000 tokens of 128 KiB
        QVERIFY(pointAt(a, card, {}, 400000).fits);
        QCOMPARE(pointAt(a, card, {}, 600000).label, std::string("stated; does not fit"));
        QVERIFY(!pointAt(a, card, {Scenario::Prompt, 2.0}, 400000).fits);
    }

    void conversationsWithAndWithoutReuse()
    {
        const auto a = architectureOf("jamba-v0.1");
        const auto curve = curveOf(a, *findCard("h100"), {Scenario::Conversation}, {1024, 65536});
        QCOMPARE(curve.size(), std::size_t{4});
        QCOMPARE(curve[0].label, std::string("stated; no prefix reuse; does not fit"));
        QCOMPARE(curve[3].label, std::string("stated; prefix reuse; does not fit"));
        QVERIFY(curve[3].prefillMs < 0.25 * curve[1].prefillMs);
        QCOMPARE(curve[3].stateBytes, 2 * curve[1].stateBytes);
        QCOMPARE(curve[3].decodeMs, curve[1].decodeMs);
        const auto found = crossoversOf(a, architectureOf("llama-3.1-8b"), *findCard("h100"), {Scenario::Conversation}, {64, 1 << 20});
        QCOMPARE(found.back().quantity, std::string("prefill with prefix reuse"));
        QVERIFY(found.back().n != found.front().n);
    }

    void batchesServeMoreUntilTheyDoNotFit()
    {
        const auto a = architectureOf("nemotron-h-8b");
        const auto card = *findCard("h100");
        const auto one = pointAt(a, card, {}, 4096);
        const double most = one.largestBatch;
        QVERIFY(pointAt(a, card, {Scenario::Prompt, most}, 4096).fits && !pointAt(a, card, {Scenario::Prompt, most + 1}, 4096).fits);
        QCOMPARE(pointAt(a, card, {Scenario::Prompt, 64.0}, 4096).largestBatch, most);
        QCOMPARE(one.tokensPerSecond, 1e3 / one.decodeMs);
        QVERIFY(pointAt(a, card, {Scenario::Prompt, 64.0}, 4096).tokensPerSecond > 20 * one.tokensPerSecond); // weights are read once
        QCOMPARE(pointAt(architectureOf("jamba-v0.1"), card, {}, 4096).largestBatch, 0.0);
    }

    void turnsAddUp()
    {
        const auto a = architectureOf("nemotron-h-8b");
        const auto card = *findCard("h100");
        StackQuestion three{Scenario::Conversation};
        three.turns = 3;
        three.turnTokens = 100;
        const auto all = pointAt(a, card, three, 4096);
        double again = 0.0;
        for (const double n : {4196.0, 4296.0, 4396.0})
            again += pointAt(a, card, {}, n).prefillMs;
        QVERIFY(std::abs(all.prefillMs / again - 1.0) < 1e-12);
        QCOMPARE(all.prefillTerms.sum(), all.prefillMs);
        QCOMPARE(all.kvBytes, kvBytes(a, 4396));
        three.prefixReuse = true;
        const auto kept = pointAt(a, card, three, 4096);
        QVERIFY(kept.prefillMs < 0.2 * all.prefillMs);
        QCOMPARE(kept.stateBytes, 4 * stateBytes(a)); // its own, and one to go back to for each turn
    }

    void generatingKeepsTheMeanAndTheEnd()
    {
        const auto a = architectureOf("smollm2-135m");
        const auto card = *findCard("a100");
        const auto point = pointAt(a, card, {Scenario::Generate}, 1000);
        QCOMPARE(point.kvBytes, 2000 * 23040.0);
        QCOMPARE(point.moved.kv, 1500 * 23040.0);
        QCOMPARE(point.decodeMs, pointAt(a, card, {}, 1500).decodeMs);
    }

    void aHybridOvertakesWhereTheBytesSay()
    {
        auto hybrid = architectureOf("nemotron-h-8b");
        auto dense = architectureOf("llama-3.1-8b");
        const auto card = *findCard("h100");
        const auto found = crossoversOf(dense, hybrid, card, {}, {64, 1 << 20});
        const auto at = std::find_if(found.begin(), found.end(), [](const auto& c) { return c.quantity == "decode"; });
        QVERIFY(at != found.end() && at->n);
        // Linear in n on both sides: the length where the bytes are equal.
        const auto one = decodeBytes(dense, 1, 0);
        const auto two = decodeBytes(hybrid, 1, 0);
        const double expected = (two.sum() - one.sum()) / (kvBytesPerToken(dense) - kvBytesPerToken(hybrid));
        QVERIFY2(std::abs(*at->n / expected - 1.0) < 1e-6, qPrintable(QString::number(*at->n)));
        QVERIFY(at->low < *at->n && at->high > *at->n);
        QVERIFY(std::abs(pointAt(dense, card, {}, at->low).decodeMs / pointAt(hybrid, card, {}, at->low).decodeMs - 1.0) < 0.25);
    }

    void withoutACrossingTheFasterIsNamed()
    {
        auto small = architectureOf("smollm2-135m");
        small.name = "small";
        const auto found = crossoversOf(architectureOf("llama-3.1-8b"), small, *findCard("h100"), {}, {64, 4096});
        QCOMPARE(found.size(), std::size_t{2});
        for (const auto& each : found) {
            QVERIFY(!each.n);
            QCOMPARE(each.fasterAfter, std::string("small"));
        }
        const auto same = crossoversOf(small, small, *findCard("h100"), {}, {64, 4096});
        QVERIFY(same.size() == 2 && !same[0].n && same[0].fasterAfter.empty());
    }
};

static const attnscope::tests::RegisterTest<TestStackCurve> registered("test_stack_curve");

#include "test_stack_curve.moc"
