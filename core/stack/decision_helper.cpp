// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/decision_helper.h"

#include "core/stack/decision_reasons.h"
#include "core/stack/stack_text.h"

#include <algorithm>
#include <utility>

namespace attnscope {

namespace {

struct Usual {
    const char* title;
    double n;
    double batch;
    double answer;
};

Usual usual(StackUse use)
{
    switch (use) {
    case StackUse::LongDocuments:
        return {"Long documents", 65536.0, 1.0, 1024.0};
    case StackUse::ShortPrompts:
        return {"Short prompts", 512.0, 1.0, 256.0};
    case StackUse::ExactWeights:
        return {"Exact weights for interpretability", 4096.0, 1.0, 0.0};
    case StackUse::LongSessions:
        return {"Long sessions", 32768.0, 1.0, 256.0};
    case StackUse::SmallClassifiers:
        return {"Small classifiers", 256.0, 64.0, 0.0};
    case StackUse::Hybrids:
        break;
    }
    return {"Hybrids", 65536.0, 1.0, 1024.0};
}

std::string caseText(const DecisionCase& asked)
{
    std::string text;
    const auto n = plainCount(asked.n);
    switch (asked.use) {
    case StackUse::LongSessions:
        text = "A turn of " + plainCount(kTurnTokens) + " tokens after " + n + ", and " + plainCount(asked.answer) + " written";
        break;
    case StackUse::SmallClassifiers:
        text = "Texts of " + n + " tokens, one answer each, nothing written";
        break;
    case StackUse::ExactWeights:
        text = "Attention weights of " + n + " tokens to be looked at";
        break;
    default:
        text = "A prompt of " + n + " tokens, and " + plainCount(asked.answer) + " written";
    }
    return text + "; batch " + plainCount(asked.batch);
}

std::string sourceText(const Card& card)
{
    if (card.kernels)
        return "from kernels measured here, without overlap or a scheduler";
    const auto what =
        card.source == "datasheet" ? std::string("from a datasheet's ceilings") : "from ceilings that a published run reached";
    return what + ", within " + plainShare(card.uncertainty) + " at best";
}

using Figures = std::vector<DecisionFigures>;

/// The best of those that fit and are meant, and the one after it.
std::pair<const DecisionFigures*, const DecisionFigures*> bestTwo(const Figures& figures)
{
    std::vector<const DecisionFigures*> order;
    for (const auto& each : figures)
        if (each.fits && each.meant)
            order.push_back(&each);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->score < b->score; });
    return {order.empty() ? nullptr : order[0], order.size() < 2 ? nullptr : order[1]};
}

std::string comparedText(const DecisionCase& asked, const DecisionFigures& best, const DecisionFigures& second)
{
    std::string text = best.name + ": " + best.headline + ", against " + second.headline + " of " + second.name;
    if (asked.use == StackUse::ExactWeights)
        return text + ".";
    text += " (" + plainDigits(second.score / best.score) + " times as long)";
    if (!sizesDiffer(best.active, second.active))
        return text + ".";
    text += std::string("; but ") + (best.active < second.active ? "it has fewer" : "it has more") + " parameters at work";
    const double gain = second.score / second.active / (best.score / best.active);
    return text + ", and for each of them it takes " + plainDigits(gain >= 1.0 ? gain : 1.0 / gain) + " times " +
           (gain >= 1.0 ? "less." : "more.");
}

std::string answerText(const DecisionCase& asked, const Figures& figures, const DecisionFigures* favoured)
{
    const auto [best, second] = bestTwo(figures);
    if (!best) {
        const bool meant = std::any_of(figures.begin(), figures.end(), [](const auto& f) { return f.meant; });
        return !meant                ? "There is no hybrid among them."
               : figures.size() == 1 ? figures.front().name + " does not fit."
                                     : "None of them fits.";
    }
    if (figures.size() == 1)
        return best->name + ": " + best->headline + ".";
    if (!second) {
        const bool others = std::any_of(figures.begin(), figures.end(), [](const auto& f) { return f.meant && !f.fits; });
        return best->name + (others ? ": it alone fits, with " : ": it alone is a hybrid, with ") + best->headline + ".";
    }
    if (!favoured)
        return "None of them stands out: " + best->headline + " of " + best->name + " and " + second->headline + " of " + second->name +
               " are closer to each other than the numbers are sure.";
    return comparedText(asked, *best, *second);
}

} // namespace

std::vector<StackUse> stackUses()
{
    return {StackUse::LongDocuments, StackUse::ShortPrompts,     StackUse::ExactWeights,
            StackUse::LongSessions,  StackUse::SmallClassifiers, StackUse::Hybrids};
}

std::string titleOf(StackUse use) { return usual(use).title; }
double usualLength(StackUse use) { return usual(use).n; }
double usualBatch(StackUse use) { return usual(use).batch; }
double usualAnswer(StackUse use) { return usual(use).answer; }

Decision decide(const std::vector<Architecture>& architectures, const Card& card, const DecisionQuestion& question)
{
    const DecisionCase asked{question.use, question.n > 0.0 ? question.n : usualLength(question.use),
                             question.batch > 0.0 ? question.batch : usualBatch(question.use),
                             question.answer >= 0.0 ? question.answer : usualAnswer(question.use)};
    Decision decision{titleOf(asked.use), caseText(asked) + ". On " + card.title + ", " + sourceText(card) + ".", {}, {}, {}};
    std::vector<DecisionFigures> figures;
    for (const auto& a : architectures)
        figures.push_back(figuresOf(a, card, asked));
    for (const auto& each : figures)
        for (const auto& sentence : each.sentences)
            decision.reasons.push_back({each.name, sentence});
    for (const auto& sentence : commonReasons(architectures, figures, asked))
        decision.reasons.push_back({{}, sentence});
    if (figures.empty()) {
        decision.sentence = "Load an architecture first.";
        decision.reasons.push_back({{}, "A model's config.json says all that is needed."});
        return decision;
    }
    const auto [best, second] = bestTwo(figures);
    const double doubt = asked.use == StackUse::ExactWeights ? 1.0 : 1.0 + card.uncertainty; // layers are counted, not predicted
    const bool sure = best && (!second || second->score > best->score * doubt);
    if (sure)
        decision.favoured = best->name;
    decision.sentence = answerText(asked, figures, sure ? best : nullptr);
    return decision;
}

} // namespace attnscope
