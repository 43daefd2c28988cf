// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/decision_reasons.h"

#include "core/stack/stack_memory.h"
#include "core/stack/stack_text.h"

#include <algorithm>

namespace attnscope {

namespace {

struct Layers {
    double all = 0.0;
    double full = 0.0;
    double windowed = 0.0;
    double recurrent = 0.0;
    std::string mixer;
};

Layers layersOf(const Architecture& a)
{
    Layers layers;
    for (const auto& layer : a.layers) {
        layers.all += 1.0;
        layers.full += layer.attention.kind == AttentionKind::Full ? 1.0 : 0.0;
        layers.windowed += layer.attention.kind == AttentionKind::Sliding || layer.attention.kind == AttentionKind::Chunked ? 1.0 : 0.0;
        layers.recurrent += layer.recurrent ? 1.0 : 0.0;
        if (layer.recurrent)
            layers.mixer = layer.recurrent->method;
    }
    return layers;
}

bool isHybrid(const Architecture& a)
{
    const auto layers = layersOf(a);
    return layers.recurrent > 0.0 && layers.full + layers.windowed > 0.0;
}

std::string ofLayers(double count, const Layers& layers) { return plainCount(count) + " of " + plainCount(layers.all) + " layers"; }

/// Times and sizes of the whole case.
struct Costs {
    PredictedTime prefill;
    PredictedTime step;
    double totalMs = 0.0;
    double heldBytes = 0.0; ///< cache and state at the end
    double weightBytes = 0.0;
    bool fits = true;
};

Costs costsOf(const Architecture& a, const Card& card, const DecisionCase& asked, double past, double fresh)
{
    Costs c;
    c.prefill = prefillTime(a, card, asked.batch, past, fresh);
    c.step = decodeTime(a, card, asked.batch, past + fresh + asked.answer / 2.0);
    c.totalMs = c.prefill.ms + asked.answer * c.step.ms;
    c.heldBytes = asked.batch * (kvBytes(a, past + fresh + asked.answer) + stateBytes(a));
    c.weightBytes = static_cast<double>(a.elementBytes) * parametersOf(a).total;
    c.fits = c.heldBytes + c.weightBytes <= card.memoryBytes;
    return c;
}

std::string memorySentence(const Costs& c, const Card& card)
{
    const auto text = "It holds " + plainBytes(c.heldBytes) + " of cache and state beside " + plainBytes(c.weightBytes) + " of weights";
    return text + (c.fits ? "." : ": more than the " + plainBytes(card.memoryBytes) + " there are.");
}

std::string attentionShares(const Costs& c, bool writes)
{
    auto text = "Attention is " + plainShare(c.prefill.terms.attention / c.prefill.ms) + " of the prompt's time";
    if (writes)
        text += " and " + plainShare(c.step.terms.attention / c.step.ms) + " of a step's";
    return text + "; " + (writes ? "the step" : "the prompt") + " is bound by " + nameOf(writes ? c.step.bound : c.prefill.bound) + ".";
}

std::string stateSentence(const Architecture& a, double n)
{
    const double state = stateBytes(a);
    if (state <= 0.0)
        return "It has no recurrent state: its cache grows by " + plainBytes(kvBytesPerToken(a)) + " a token.";
    if (kvBytesPerToken(a) <= 0.0)
        return "Its state of " + plainBytes(state) + " is all it keeps of the past, at any length.";
    const double tokens = stateInTokens(a);
    return "Its fixed state of " + plainBytes(state) + " equals the cache of " + plainCount(tokens) + " tokens, " +
           (tokens > n ? "more than these " : "less than these ") + plainCount(n) + ".";
}

std::string recallSentence(const Architecture& a)
{
    const auto layers = layersOf(a);
    if (layers.full > 0.0)
        return ofLayers(layers.full, layers) + " can look up any earlier token.";
    if (layers.windowed > 0.0)
        return "None of its layers can look up a token that has left the window; what is older lives in the state alone.";
    return "None of its layers can look up an earlier token: what the state has dropped is gone.";
}

std::string timesSentence(const Costs& c, const DecisionCase& asked)
{
    std::string text = "It reads in " + plainTime(c.prefill.ms);
    if (asked.answer > 0.0)
        text += " and writes at " + plainTime(c.step.ms) + " a token, " + plainTime(c.totalMs) + " in all";
    return text + " (" + (c.prefill.extrapolated || c.step.extrapolated ? "extrapolated, " : "") +
           plainTime(c.prefill.lowMs + asked.answer * c.step.lowMs) + " to " + plainTime(c.prefill.highMs + asked.answer * c.step.highMs) +
           ").";
}

DecisionFigures blankFigures(const Architecture& a, const Costs& c)
{
    DecisionFigures f;
    f.name = a.name;
    f.score = c.totalMs;
    f.active = parametersOf(a).active;
    f.fits = c.fits;
    return f;
}

DecisionFigures promptFigures(const Architecture& a, const Card& card, const DecisionCase& asked)
{
    const auto c = costsOf(a, card, asked, 0.0, asked.n);
    auto f = blankFigures(a, c);
    f.headline = plainTime(c.totalMs) + " in all";
    f.sentences = {timesSentence(c, asked), attentionShares(c, asked.answer > 0.0), memorySentence(c, card),
                   asked.use == StackUse::ShortPrompts ? stateSentence(a, asked.n) : recallSentence(a)};
    return f;
}

DecisionFigures sessionFigures(const Architecture& a, const Card& card, const DecisionCase& asked)
{
    const auto kept = costsOf(a, card, asked, asked.n, kTurnTokens);
    const auto again = costsOf(a, card, asked, 0.0, asked.n + kTurnTokens);
    auto f = blankFigures(a, kept);
    f.headline = plainTime(kept.totalMs) + " a turn";
    f.sentences.push_back("A turn takes " + plainTime(kept.totalMs) + " where what was read is kept, and " + plainTime(again.totalMs) +
                          " where it is read again (" + plainDigits(again.totalMs / kept.totalMs) + " times).");
    const double state = stateBytes(a);
    if (state > 0.0)
        f.sentences.push_back("A recurrent state can't be cut back to a shorter text: each point to resume from needs a checkpoint of " +
                              plainBytes(asked.batch * state) + ", and engines that keep none read everything again.");
    else
        f.sentences.push_back("Its cache can be cut back to any earlier token, so that edited turns reuse what is before them.");
    f.sentences.push_back(memorySentence(kept, card));
    return f;
}

DecisionFigures classifierFigures(const Architecture& a, const Card& card, const DecisionCase& asked)
{
    const auto c = costsOf(a, card, asked, 0.0, asked.n);
    const double share = (c.prefill.terms.attention + c.prefill.terms.state) / c.prefill.ms;
    auto f = blankFigures(a, c);
    f.headline = plainDigits(1e3 * asked.batch / c.totalMs) + " texts a second";
    f.sentences = {"It reads " + plainCount(asked.batch) + " texts in " + plainTime(c.totalMs) + ", " + f.headline + ".",
                   "Mixing tokens is " + plainShare(share) + " of that time: another mixer can't save more.", memorySentence(c, card)};
    return f;
}

DecisionFigures weightsFigures(const Architecture& a, const Card& card, const DecisionCase& asked)
{
    const auto layers = layersOf(a);
    double cells = 0.0;
    for (const auto& layer : a.layers)
        cells += static_cast<double>(layer.attention.heads) * attentionPairs(layer.attention, 0.0, asked.n);
    const auto c = costsOf(a, card, asked, 0.0, asked.n);
    auto f = blankFigures(a, c);
    f.score = 2.0 - (layers.full + 0.5 * layers.windowed) / layers.all;
    f.headline = "softmax over everything in " + ofLayers(layers.full, layers);
    f.sentences.push_back(
        ofLayers(layers.full + layers.windowed, layers) + " have softmax weights that can be looked at" +
        (cells > 0.0 ? "; all their maps together are " + plainCount(cells) + " cells, of which Attnscope computes what is in sight."
                     : "."));
    if (layers.recurrent > 0.0)
        f.sentences.push_back("In " + ofLayers(layers.recurrent, layers) + " " + layers.mixer +
                              " implies a map: it can be computed exactly, but its rows need not sum to 1 and its cells may be negative.");
    return f;
}

DecisionFigures hybridFigures(const Architecture& a, const Card& card, const DecisionCase& asked)
{
    auto f = promptFigures(a, card, asked);
    const auto layers = layersOf(a);
    f.sentences.clear();
    f.meant = isHybrid(a);
    if (!f.meant) {
        f.sentences.push_back(a.name + " is no hybrid: " + (layers.recurrent > 0.0 ? "no layer attends." : "no layer is recurrent."));
    } else {
        const double mixing = layers.full + layers.windowed;
        f.sentences.push_back(ofLayers(layers.full, layers) + " attend to everything and " + ofLayers(layers.recurrent, layers) +
                              " keep a state (" + layers.mixer + "): " + plainBytes(kvBytes(a, asked.n)) + " of cache at " +
                              plainCount(asked.n) + " tokens against " + plainBytes(stateBytes(a)) + " of state.");
        const double mixers = std::max(mixing, layers.recurrent + (layers.recurrent < layers.all ? mixing : 0.0));
        f.sentences.push_back("Were all its " + plainCount(mixers) + " mixers attention, the cache would be " +
                              plainDigits(mixers / mixing) + " times as large.");
    }
    const auto c = costsOf(a, card, asked, 0.0, asked.n);
    f.sentences.push_back(timesSentence(c, asked));
    f.sentences.push_back(attentionShares(c, true));
    return f;
}

} // namespace

DecisionFigures figuresOf(const Architecture& a, const Card& card, const DecisionCase& asked)
{
    switch (asked.use) {
    case StackUse::ExactWeights:
        return weightsFigures(a, card, asked);
    case StackUse::LongSessions:
        return sessionFigures(a, card, asked);
    case StackUse::SmallClassifiers:
        return classifierFigures(a, card, asked);
    case StackUse::Hybrids:
        return hybridFigures(a, card, asked);
    default:
        return promptFigures(a, card, asked);
    }
}

bool sizesDiffer(double a, double b) { return std::max(a, b) > 1.25 * std::min(a, b); }

std::vector<std::string> commonReasons(const std::vector<Architecture>& architectures, const std::vector<DecisionFigures>& figures,
                                       const DecisionCase& asked)
{
    std::vector<std::string> reasons;
    if (architectures.size() < 2)
        return reasons;
    const auto [least, most] =
        std::minmax_element(figures.begin(), figures.end(), [](const auto& a, const auto& b) { return a.active < b.active; });
    if (sizesDiffer(least->active, most->active) && asked.use != StackUse::ExactWeights) {
        reasons.push_back("Part of the difference is size, not mixer: " + plainCount(most->active) + " parameters at work per token in " +
                          most->name + " against " + plainCount(least->active) + " in " + least->name + ".");
        std::string text = "Per billion parameters at work:";
        for (const auto& f : figures)
            text += std::string(&f == &figures.front() ? " " : ", ") + f.name + " " + plainTime(1e9 * f.score / f.active);
        reasons.push_back(text + ".");
    }
    const auto other =
        std::find_if(architectures.begin(), architectures.end(), [&](const auto& a) { return a.dtype != architectures.front().dtype; });
    if (other != architectures.end() && asked.use != StackUse::ExactWeights)
        reasons.push_back("Number formats differ too: " + other->dtype + " in " + other->name + ", " + architectures.front().dtype +
                          " in " + architectures.front().name + ".");
    if (asked.use == StackUse::Hybrids && std::none_of(architectures.begin(), architectures.end(), isHybrid))
        reasons.emplace_back("None of them mixes attention with recurrent layers.");
    return reasons;
}

} // namespace attnscope
