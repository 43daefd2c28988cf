// SPDX-License-Identifier: GPL-3.0-or-later
// Advice on architectures: it follows the computed numbers, names them, and keeps silent where they don't decide.
#include "core/stack/decision_helper.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

using namespace attnscope;
using attnscope::tests::architectureOf;

namespace {

Architecture named(const std::string& id)
{
    auto a = architectureOf(id);
    a.name = id;
    return a;
}

bool says(const Decision& decision, const char* text)
{
    return std::any_of(decision.reasons.begin(), decision.reasons.end(),
                       [&](const auto& reason) { return reason.sentence.find(text) != std::string::npos; });
}

} // namespace

class TestDecisionHelper : public QObject {
    Q_OBJECT

private:
    Card m_card = *findCard("h100");
    std::vector<Architecture> m_both{named("llama-3.1-8b"), named("nemotron-h-8b")};

private Q_SLOTS:
    void longDocumentsFavourTheHybrid()
    {
        const auto decision = decide(m_both, m_card, {StackUse::LongDocuments});
        QCOMPARE(decision.favoured, std::string("nemotron-h-8b"));
        QVERIFY(says(decision, "32 of 32 layers can look up any earlier token") && says(decision, "8.12 GiB"));
        QVERIFY(decision.assumes.find("65,536") != std::string::npos && decision.assumes.find("datasheet") != std::string::npos);
        QVERIFY(!says(decision, "size, not mixer")); // 7.0 and 7.0 billion at work
    }

    void shortPromptsDoNotDecide()
    {
        const auto decision = decide(m_both, m_card, {StackUse::ShortPrompts});
        QVERIFY(decision.favoured.empty());
        QVERIFY(decision.sentence.find("None of them stands out") != std::string::npos);
        QVERIFY(says(decision, "equals the cache of 6,234 tokens, more than these 512"));
    }

    void exactWeightsCountLayers()
    {
        const auto decision = decide(m_both, m_card, {StackUse::ExactWeights});
        QCOMPARE(decision.favoured, std::string("llama-3.1-8b"));
        QVERIFY(says(decision, "mamba2 implies a map"));
        const std::vector<Architecture> twice{named("llama-3.1-8b"), named("qwen3-8b")};
        QVERIFY(decide(twice, m_card, {StackUse::ExactWeights}).favoured.empty());
    }

    void longSessionsPriceTheCheckpoint()
    {
        const auto decision = decide(m_both, m_card, {StackUse::LongSessions});
        QVERIFY(says(decision, "checkpoint of 97.4 MiB") && says(decision, "cut back to any earlier token"));
    }

    void classifiersSayWhatAMixerCanSave()
    {
        const auto decision = decide(m_both, m_card, {StackUse::SmallClassifiers});
        QVERIFY(decision.favoured.empty() && says(decision, "another mixer can't save more"));
        QVERIFY(says(decision, "texts a second"));
    }

    void hybridsAreComparedAmongHybrids()
    {
        const auto alone = decide(m_both, m_card, {StackUse::Hybrids});
        QCOMPARE(alone.favoured, std::string("nemotron-h-8b"));
        QVERIFY(alone.sentence.find("alone is a hybrid") != std::string::npos);
        QVERIFY(says(alone, "Were all its 28 mixers attention, the cache would be 7 times as large."));
        const auto none = decide({named("gpt2"), named("mamba-1.4b")}, m_card, {StackUse::Hybrids});
        QVERIFY(none.favoured.empty() && none.sentence == "There is no hybrid among them.");
    }

    void sizeIsNotTakenForTheMixer()
    {
        const auto decision = decide({named("llama-3.1-8b"), named("llama-3.2-1b")}, m_card, {StackUse::LongDocuments});
        QVERIFY(says(decision, "Part of the difference is size, not mixer") && says(decision, "Per billion parameters"));
        QVERIFY(decision.sentence.find("fewer parameters at work") != std::string::npos);
    }

    void whatDoesNotFitIsNotFavoured()
    {
        const auto decision = decide({named("jamba-v0.1"), named("llama-3.1-8b")}, m_card, {StackUse::LongDocuments});
        QCOMPARE(decision.favoured, std::string("llama-3.1-8b"));
        QVERIFY(says(decision, "more than the") && decision.sentence.find("it alone fits") != std::string::npos);
        QCOMPARE(decide({named("jamba-v0.1")}, m_card, {StackUse::LongDocuments}).sentence, std::string("jamba-v0.1 does not fit."));
    }

    void everyUseAnswersInWholeSentences()
    {
        const std::vector<std::vector<Architecture>> sets{
            {}, {m_both[0]}, m_both, {named("samba-1.3b"), named("zamba2-7b"), named("falcon-h1-7b-base")}};
        for (const auto& set : sets)
            for (const auto use : stackUses()) {
                const auto decision = decide(set, m_card, {use});
                QCOMPARE(decision.title, titleOf(use));
                QVERIFY2(decision.sentence.ends_with('.') && decision.assumes.ends_with('.'), decision.sentence.c_str());
                QVERIFY(!decision.reasons.empty());
                for (const auto& reason : decision.reasons)
                    QVERIFY2(reason.sentence.ends_with('.') && reason.sentence.find("nan") == std::string::npos, reason.sentence.c_str());
            }
    }
};

static const attnscope::tests::RegisterTest<TestDecisionHelper> registered("test_decision_helper");

#include "test_decision_helper.moc"
