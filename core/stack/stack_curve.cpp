// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_curve.h"

#include "core/stack/stack_memory.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace attnscope {

namespace {

constexpr double ModelUncertainty = 0.2; // no overlap, no scheduler
constexpr int StepsPerDoubling = 8;

struct Lengths {
    double past = 0.0;   ///< in the cache when the prompt comes
    double fresh = 0.0;  ///< of the prompt
    double decode = 0.0; ///< in the cache while decoding
    double held = 0.0;   ///< at the end
};

Lengths lengthsOf(const StackQuestion& question, double n)
{
    switch (question.scenario) {
    case Scenario::Generate:
        return {0.0, n, 1.5 * n, 2.0 * n};
    case Scenario::Conversation:
        return {question.prefixReuse ? n : 0.0, question.prefixReuse ? kTurnTokens : n + kTurnTokens, n + kTurnTokens, n + kTurnTokens};
    case Scenario::Prompt:
        break;
    }
    return {0.0, n, n, n};
}

/// log of a's time over b's.
using Ratio = std::function<double(double)>;

double bisect(const Ratio& ratio, double low, double high)
{
    const bool positive = ratio(low) > 0.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = std::sqrt(low * high);
        ((ratio(middle) > 0.0) == positive ? low : high) = middle;
    }
    return std::sqrt(low * high);
}

/// The nearest length from `n` towards `end` at which the two differ by the model's uncertainty; `end` where they never do.
double partFrom(const Ratio& ratio, double n, double end)
{
    const double step = std::exp2((end > n ? 1.0 : -1.0) / StepsPerDoubling);
    for (double at = n; (end > n) == (at < end) && at != end; at *= step)
        if (std::abs(ratio(at)) > std::log1p(ModelUncertainty))
            return at;
    return end;
}

void addCrossings(const StackCrossover& names, const Ratio& ratio, double first, double last, std::vector<StackCrossover>& found)
{
    const auto before = found.size();
    double from = first;
    while (from < last) {
        const double to = std::min(last, from * std::exp2(1.0 / StepsPerDoubling));
        if (ratio(from) * ratio(to) < 0.0) {
            StackCrossover crossing = names;
            crossing.n = bisect(ratio, from, to);
            crossing.low = partFrom(ratio, *crossing.n, first);
            crossing.high = partFrom(ratio, *crossing.n, last);
            crossing.fasterAfter = ratio(to) < 0.0 ? names.a : names.b;
            found.push_back(std::move(crossing));
        }
        from = to;
    }
    if (found.size() == before) {
        StackCrossover none = names;
        const double end = ratio(last);
        none.fasterAfter = end < 0.0 ? names.a : end > 0.0 ? names.b : "";
        found.push_back(std::move(none));
    }
}

} // namespace

StackPoint pointAt(const Architecture& a, const Card& card, const StackQuestion& question, double n)
{
    const auto at = lengthsOf(question, n);
    const double rate = card.flopPerSecond.at(a.dtype);
    const auto milliseconds = [&](const CostTerms& flops, const CostTerms& bytes) {
        const bool arithmetic = flops.sum() / rate > bytes.sum() / card.bytesPerSecond;
        return arithmetic ? flops * (1e3 / rate) : bytes * (1e3 / card.bytesPerSecond);
    };
    StackPoint point;
    point.n = static_cast<Index>(std::llround(n));
    point.prefillTerms =
        milliseconds(prefillFlopTerms(a, question.batch, at.past, at.fresh), prefillByteTerms(a, question.batch, at.past, at.fresh));
    point.prefillMs = point.prefillTerms.sum();
    point.moved = decodeBytes(a, question.batch, at.decode);
    point.decodeTerms =
        milliseconds(decodeFlopTerms(a, question.batch, at.decode), {point.moved.weights, point.moved.kv, point.moved.state});
    point.decodeMs = std::max(card.stepFloorMs, point.decodeTerms.sum());
    point.kvBytes = question.batch * kvBytes(a, at.held);
    point.stateBytes = question.batch * stateBytes(a) * (question.prefixReuse ? 2.0 : 1.0);
    point.weightBytes = static_cast<double>(a.elementBytes) * parametersOf(a).total;
    point.fits = point.kvBytes + point.stateBytes + point.weightBytes <= card.memoryBytes;
    point.label = card.label();
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
        for (const auto& [quantity, field] : {std::pair{"prefill", &StackPoint::prefillMs}, std::pair{"decode", &StackPoint::decodeMs}}) {
            if (reuse && field == &StackPoint::decodeMs) // the same either way
                continue;
            const Ratio ratio = [&, field = field](double n) {
                return std::log(pointAt(a, card, asked, n).*field / pointAt(b, card, asked, n).*field);
            };
            StackCrossover names;
            names.a = a.name;
            names.b = b.name;
            names.quantity = std::string(quantity) + (reuse ? " with prefix reuse" : "");
            addCrossings(names, ratio, first, last, found);
        }
    }
    return found;
}

} // namespace attnscope
