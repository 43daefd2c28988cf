// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/stack_output.h"

#include "app/cli/output.h"
#include "core/stack/published_figures.h"
#include "core/stack/stack_memory.h"
#include "core/stack/stack_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

/// Bytes and counts as whole numbers, as far as a double counts them exactly.
Json whole(double value) { return value < 9e15 ? Json(static_cast<std::int64_t>(std::llround(value))) : Json(value); }

Json layersJson(const Architecture& a)
{
    Json layers = Json::array();
    for (std::size_t i = 0; i < a.layers.size(); ++i) {
        const auto& layer = a.layers[i];
        layers.push_back({{"index", i},
                          {"mixer", mixerName(layer)},
                          {"ffn", ffnName(layer)},
                          {"sharedWith", layer.sharedWith ? Json(*layer.sharedWith) : Json(nullptr)}});
    }
    return layers;
}

Json stackJson(const PredictedStack& stack)
{
    const auto& a = stack.architecture;
    Json curves = Json::array();
    for (const auto& p : stack.curve)
        curves.push_back({{"n", p.n},
                          {"prefillMs", p.prefillMs},
                          {"decodeMsPerToken", p.decodeMs},
                          {"kvBytes", whole(p.kvBytes)},
                          {"stateBytes", whole(p.stateBytes)},
                          {"weightBytes", whole(p.weightBytes)},
                          {"label", p.label}});
    return {{"name", a.name},
            {"decidedBy", a.decidedBy},
            {"layers", layersJson(a)},
            {"attentionLayers", attentionLayers(a)},
            {"kvBytesPerToken", whole(kvBytesPerToken(a))},
            {"stateBytes", whole(stateBytes(a))},
            {"parameters", whole(parametersOf(a).total)},
            {"curves", std::move(curves)}};
}

} // namespace

void printStackJson(const StackAnswer& answer)
{
    Json architectures = Json::array();
    for (const auto& stack : answer.stacks)
        architectures.push_back(stackJson(stack));
    Json crossovers = Json::array();
    for (const auto& c : answer.crossovers)
        crossovers.push_back({{"a", c.a},
                              {"b", c.b},
                              {"quantity", c.quantity},
                              {"n", numberOrNull(c.n)},
                              {"low", c.n ? Json(c.low) : Json(nullptr)},
                              {"high", c.n ? Json(c.high) : Json(nullptr)},
                              {"fasterAfter", c.fasterAfter.empty() ? Json(nullptr) : Json(c.fasterAfter)}});
    printJson({{"architectures", std::move(architectures)}, {"crossovers", std::move(crossovers)}});
}

void printStackCsv(const StackAnswer& answer)
{
    std::cout << "name,n,prefillMs,decodeMsPerToken,kvBytes,stateBytes,weightBytes,label\n";
    for (const auto& stack : answer.stacks)
        for (const auto& p : stack.curve)
            std::cout << csvField(stack.architecture.name) << ',' << p.n << ',' << Json(p.prefillMs).dump() << ','
                      << Json(p.decodeMs).dump() << ',' << whole(p.kvBytes) << ',' << whole(p.stateBytes) << ',' << whole(p.weightBytes)
                      << ',' << csvField(p.label) << '\n';
}

namespace {

/// "0-3, 5" for layers 0 to 3 and 5.
std::string rangesText(const std::vector<std::size_t>& layers)
{
    std::string text;
    for (std::size_t first = 0; first < layers.size();) {
        std::size_t last = first;
        while (last + 1 < layers.size() && layers[last + 1] == layers[last] + 1)
            ++last;
        text += (text.empty() ? "" : ", ") + std::to_string(layers[first]);
        text += last > first ? "-" + std::to_string(layers[last]) : "";
        first = last + 1;
    }
    return text;
}

/// Each kind of layer once, in order of appearance, with where it stands.
void printLayers(const Architecture& a)
{
    std::vector<std::pair<std::vector<std::string>, std::vector<std::size_t>>> kinds;
    for (std::size_t i = 0; i < a.layers.size(); ++i) {
        const auto& layer = a.layers[i];
        const auto shared = layer.sharedWith ? "with layer " + std::to_string(*layer.sharedWith) : "-";
        const std::vector<std::string> kind{mixerName(layer), ffnName(layer), shared};
        auto at = std::find_if(kinds.begin(), kinds.end(), [&](const auto& known) { return known.first == kind; });
        if (at == kinds.end())
            at = kinds.insert(kinds.end(), {kind, {}});
        at->second.push_back(i);
    }
    Table table({"mixer", "feed-forward", "weights shared", "layers", "count"}, 4);
    for (const auto& [kind, layers] : kinds)
        table.add({kind[0], kind[1], kind[2], rangesText(layers), std::to_string(layers.size())});
    table.print();
}

std::string share(double part, double whole) { return whole > 0.0 ? plainShare(part / whole) : "-"; }

/// "12.3 ms (11.8 ms to 12.9 ms)" where the interval is a measured one; ceilings state theirs once, above.
std::string timeCell(double ms, double low, double high, bool interval)
{
    return interval ? plainTime(ms) + " (" + plainTime(low) + " to " + plainTime(high) + ")" : plainTime(ms);
}

void printCurve(const PredictedStack& stack, bool intervals)
{
    Table prompt({"n", "prefill", "attention", "mixers", "feed-forward", "projections", "head", "bound by", "label"}, 0);
    Table steps({"n", "decode", "weights", "attention", "mixers", "bound by", "tokens/s", "held: KV", "state", "weights", "largest batch"},
                0);
    for (const auto& p : stack.curve) {
        const auto& in = p.prefillTerms;
        const auto& step = p.decodeTerms;
        prompt.add({std::to_string(p.n), timeCell(p.prefillMs, p.prefillLowMs, p.prefillHighMs, intervals),
                    share(in.attention, p.prefillMs), share(in.state, p.prefillMs), share(in.ffn, p.prefillMs),
                    share(in.projections, p.prefillMs), share(in.head, p.prefillMs), nameOf(p.prefillBound), p.label});
        steps.add({std::to_string(p.n), timeCell(p.decodeMs, p.decodeLowMs, p.decodeHighMs, intervals), share(step.weights(), p.decodeMs),
                   share(step.attention, p.decodeMs), share(step.state, p.decodeMs), nameOf(p.decodeBound), plainDigits(p.tokensPerSecond),
                   plainBytes(p.kvBytes), plainBytes(p.stateBytes), plainBytes(p.weightBytes),
                   std::isfinite(p.largestBatch) ? plainCount(p.largestBatch) : "-"});
    }
    prompt.print();
    std::cout << '\n';
    steps.print();
    std::cout << '\n';
}

void printStack(const PredictedStack& stack, bool intervals)
{
    const auto& a = stack.architecture;
    std::cout << a.name << " (layers from `" << a.decidedBy << "`)\n" << caption(a) << '\n';
    const auto parameters = parametersOf(a);
    std::cout << plainCount(parameters.total) << " parameters, " << plainCount(parameters.active) << " at work per token; KV cache "
              << plainBytes(kvBytesPerToken(a)) << " per token, state " << plainBytes(stateBytes(a));
    if (const double tokens = stateInTokens(a); tokens >= 1.0)
        std::cout << " (as much as the cache of " << plainCount(tokens) << " tokens)";
    std::cout << "; " << a.dtype << ", state fp32\n\n";
    printLayers(a);
    std::cout << '\n';
    printCurve(stack, intervals);
    const auto studies = publishedStudies();
    const auto published = studies ? publishedSentences(*studies, a.name) : std::vector<std::string>();
    for (const auto& sentence : published)
        std::cout << "Published. " << sentence << '\n';
    std::cout << (published.empty() ? "" : "\n");
}

void printCrossovers(const StackAnswer& answer)
{
    if (!answer.crossovers.empty())
        std::cout << "Crossovers (between the lengths in brackets "
                  << (answer.card.kernels ? "the intervals of the two overlap" : "the two differ by less than the uncertainty") << ")\n";
    for (const auto& c : answer.crossovers) {
        std::cout << "  " << c.quantity << ", " << c.a << " and " << c.b << ": ";
        if (c.n)
            std::cout << "n = " << plainCount(*c.n) << " (" << plainCount(c.low) << " to " << plainCount(c.high) << "), " << c.fasterAfter
                      << " is faster above\n";
        else
            std::cout << (c.fasterAfter.empty() ? "none in range\n" : "none in range, " + c.fasterAfter + " is faster\n");
    }
}

} // namespace

void printStackTables(const StackAnswer& answer)
{
    const bool measured = answer.card.kernels != nullptr;
    std::cout << answer.card.title << " (" << answer.card.source << "), " << answer.scenario << ", batch " << answer.batch << '\n';
    if (!answer.card.reference.empty())
        std::cout << answer.card.reference << '\n';
    std::cout << (measured
                      ? "Composed of measured kernels, one after another: no overlap, no scheduler. Intervals are the quartiles of their "
                        "repeats; beyond the measured lengths: extrapolated."
                      : "Predicted from ceilings: no overlap, no scheduler; within " + plainShare(answer.card.uncertainty) + " at best.")
              << "\nPercentages: what the time consists of.\n\n";
    for (const auto& stack : answer.stacks)
        printStack(stack, measured);
    printCrossovers(answer);
}

void printDecisions(const std::vector<Decision>& decisions)
{
    for (const auto& decision : decisions) {
        std::cout << decision.title << '\n' << decision.assumes << "\n  " << decision.sentence << '\n';
        for (const auto& reason : decision.reasons)
            std::cout << "  - " << (reason.architecture.empty() ? "" : reason.architecture + ": ") << reason.sentence << '\n';
        std::cout << '\n';
    }
}

void printDecisionsJson(const std::vector<Decision>& decisions)
{
    Json list = Json::array();
    for (const auto& decision : decisions) {
        Json reasons = Json::array();
        for (const auto& reason : decision.reasons)
            reasons.push_back(
                {{"architecture", reason.architecture.empty() ? Json(nullptr) : Json(reason.architecture)}, {"sentence", reason.sentence}});
        list.push_back({{"use", decision.title},
                        {"assumes", decision.assumes},
                        {"favoured", decision.favoured.empty() ? Json(nullptr) : Json(decision.favoured)},
                        {"sentence", decision.sentence},
                        {"reasons", std::move(reasons)}});
    }
    printJson({{"decisions", std::move(list)}});
}

} // namespace attnscope::cli
