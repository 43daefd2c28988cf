// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_curve.h"

#include "core/stack/stack_memory.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace attnscope {

namespace {

constexpr int StepsPerDoubling = 8;

struct Lengths {
    double decode = 0.0; ///< in the cache while decoding
    double held = 0.0;   ///< at the end
};

Lengths lengthsOf(const StackQuestion& question, double n)
{
    const double after = n + static_cast<double>(question.turns) * question.turnTokens;
    switch (question.scenario) {
    case Scenario::Generate:
        return {1.5 * n, 2.0 * n};
    case Scenario::Conversation:
        return {after, after};
    case Scenario::Prompt:
        break;
    }
    return {n, n};
}

void addTo(PredictedTime& sum, const PredictedTime& next)
{
    sum.ms += next.ms;
    sum.lowMs += next.lowMs;
    sum.highMs += next.highMs;
    sum.terms.projections += next.terms.projections;
    sum.terms.ffn += next.terms.ffn;
    sum.terms.head += next.terms.head;
    sum.terms.attention += next.terms.attention;
    sum.terms.state += next.terms.state;
    sum.bound = next.bound;
    sum.extrapolated |= next.extrapolated;
}

/// Of a conversation all turns together.
PredictedTime promptTime(const Architecture& a, const Card& card, const StackQuestion& question, double n)
{
    if (question.scenario != Scenario::Conversation)
        return prefillTime(a, card, question.batch, 0.0, n);
    PredictedTime sum;
    for (int turn = 0; turn < question.turns; ++turn) {
        const double past = n + static_cast<double>(turn) * question.turnTokens;
        addTo(sum, question.prefixReuse ? prefillTime(a, card, question.batch, past, question.turnTokens)
                                        : prefillTime(a, card, question.batch, 0.0, past + question.turnTokens));
    }
    return sum;
}

/// log of a's time over b's, and how far from 0 it must be for one to be called faster.
struct Difference {
    double ratio = 0.0;
    double doubt = 0.0;
};
using Compare = std::function<Difference(double)>;

double bisect(const Compare& compare, double low, double high)
{
    const bool positive = compare(low).ratio > 0.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = std::sqrt(low * high);
        ((compare(middle).ratio > 0.0) == positive ? low : high) = middle;
    }
    return std::sqrt(low * high);
}

/// The nearest length from `n` towards `end` at which one of the two is surely faster; `end` where neither ever is.
double partFrom(const Compare& compare, double n, double end)
{
    const double step = std::exp2((end > n ? 1.0 : -1.0) / StepsPerDoubling);
    for (double at = n; (end > n) == (at < end) && at != end; at *= step) {
        const auto difference = compare(at);
        if (std::abs(difference.ratio) > difference.doubt)
            return at;
    }
    return end;
}

Difference differenceOf(const StackPoint& a, const StackPoint& b, const Card& card, bool decode)
{
    const double timeA = decode ? a.decodeMs : a.prefillMs;
    const double timeB = decode ? b.decodeMs : b.prefillMs;
    Difference difference{std::log(timeA / timeB), std::log1p(card.uncertainty)};
    if (card.kernels) { // each has a spread of its own; ceilings are off by about the same factor for both
        const bool slower = timeA > timeB;
        const auto& far = slower ? a : b;
        const auto& near = slower ? b : a;
        difference.doubt = decode ? std::log(far.decodeMs / far.decodeLowMs) + std::log(near.decodeHighMs / near.decodeMs)
                                  : std::log(far.prefillMs / far.prefillLowMs) + std::log(near.prefillHighMs / near.prefillMs);
    }
    return difference;
}

void addCrossings(const StackCrossover& names, const Compare& compare, double first, double last, std::vector<StackCrossover>& found)
{
    const auto before = found.size();
    double from = first;
    while (from < last) {
        const double to = std::min(last, from * std::exp2(1.0 / StepsPerDoubling));
        if (compare(from).ratio * compare(to).ratio < 0.0) {
            StackCrossover crossing = names;
            crossing.n = bisect(compare, from, to);
            crossing.low = partFrom(compare, *crossing.n, first);
            crossing.high = partFrom(compare, *crossing.n, last);
            crossing.fasterAfter = compare(to).ratio < 0.0 ? names.a : names.b;
            found.push_back(std::move(crossing));
        }
        from = to;
    }
    if (found.size() == before) {
        StackCrossover none = names;
        const double end = compare(last).ratio;
        none.fasterAfter = end < 0.0 ? names.a : end > 0.0 ? names.b : "";
        found.push_back(std::move(none));
    }
}

} // namespace

StackPoint pointAt(const Architecture& a, const Card& card, const StackQuestion& question, double n)
{
    const auto at = lengthsOf(question, n);
    const auto prefill = promptTime(a, card, question, n);
    const auto decode = decodeTime(a, card, question.batch, at.decode);
    StackPoint point;
    point.n = static_cast<Index>(std::llround(n));
    point.prefillMs = prefill.ms;
    point.prefillLowMs = prefill.lowMs;
    point.prefillHighMs = prefill.highMs;
    point.prefillTerms = prefill.terms;
    point.prefillBound = prefill.bound;
    point.prefillExtrapolated = prefill.extrapolated;
    point.decodeMs = decode.ms;
    point.decodeLowMs = decode.lowMs;
    point.decodeHighMs = decode.highMs;
    point.decodeTerms = decode.terms;
    point.decodeBound = decode.bound;
    point.decodeExtrapolated = decode.extrapolated;
    point.moved = decodeBytes(a, question.batch, at.decode);
    point.kvBytes = question.batch * kvBytes(a, at.held);
    point.stateBytes = question.batch * stateBytes(a) * (question.prefixReuse ? 1.0 + question.turns : 1.0);
    point.weightBytes = static_cast<double>(a.elementBytes) * parametersOf(a).total;
    point.fits = point.kvBytes + point.stateBytes + point.weightBytes <= card.memoryBytes;
    point.tokensPerSecond = 1e3 * question.batch / point.decodeMs;
    const double room = card.memoryBytes - point.weightBytes;
    point.largestBatch = room <= 0.0 ? 0.0 : std::floor(room * question.batch / (point.kvBytes + point.stateBytes));
    point.label = card.label(prefill.extrapolated || decode.extrapolated);
    if (question.scenario == Scenario::Conversation)
        point.label += question.prefixReuse ? "; prefix reuse" : "; no prefix reuse";
    if (!point.fits)
        point.label += "; does not fit";
    return point;
}

std::vector<StackPoint> curveOf(const Architecture& architecture, const Card& card, const StackQuestion& question,
                                const std::vector<Index>& lengths)
{
    std::vector<StackPoint> points;
    const bool conversation = question.scenario == Scenario::Conversation;
    for (const bool reuse : {false, true}) {
        if (reuse && !conversation)
            break;
        StackQuestion asked = question;
        asked.prefixReuse = reuse;
        for (const Index n : lengths)
            points.push_back(pointAt(architecture, card, asked, static_cast<double>(n)));
    }
    return points;
}

std::vector<StackCrossover> crossoversOf(const Architecture& a, const Architecture& b, const Card& card, const StackQuestion& question,
                                         const std::vector<Index>& lengths)
{
    std::vector<StackCrossover> found;
    if (lengths.empty())
        return found;
    const auto first = static_cast<double>(lengths.front());
    const auto last = static_cast<double>(lengths.back());
    const bool conversation = question.scenario == Scenario::Conversation;
    for (const bool reuse : {false, true}) {
        if (reuse && !conversation)
            break;
        StackQuestion asked = question;
        asked.prefixReuse = reuse;
        for (const bool decode : {false, true}) {
            if (reuse && decode) // the same either way
                continue;
            const Compare compare = [&](double n) {
                return differenceOf(pointAt(a, card, asked, n), pointAt(b, card, asked, n), card, decode);
            };
            StackCrossover names;
            names.a = a.name;
            names.b = b.name;
            names.quantity = decode ? "decode" : reuse ? "prefill with prefix reuse" : "prefill";
            addCrossings(names, compare, first, last, found);
        }
    }
    return found;
}

} // namespace attnscope
