// SPDX-License-Identifier: GPL-3.0-or-later
// `stack`: whole architectures from their config.json: layers, KV cache, state, predicted latency against length, crossovers.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/lengths.h"
#include "app/cli/output.h"
#include "core/base/resources.h"
#include "core/stack/read_architecture.h"
#include "core/stack/stack_curve.h"
#include "core/stack/stack_memory.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

const std::map<std::string, Scenario> scenarios{
    {"prompt", Scenario::Prompt}, {"generate", Scenario::Generate}, {"conversation", Scenario::Conversation}};

struct Options {
    std::shared_ptr<ContextOptions> context;
    std::vector<std::string> configs;
    std::string lengths = "1024:262144";
    StackQuestion question;
    std::string scenario = "prompt";
    std::string card = "h100";
    bool json = false;
    bool csv = false;
};

struct Stack {
    Architecture architecture;
    std::vector<StackPoint> curve;
};

struct Answer {
    Card card;
    std::vector<Stack> stacks;
    std::vector<StackCrossover> crossovers;
};

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

Json stackJson(const Stack& stack)
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

void printDocument(const Answer& answer)
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

void printCsv(const Answer& answer)
{
    std::cout << "name,n,prefillMs,decodeMsPerToken,kvBytes,stateBytes,weightBytes,label\n";
    for (const auto& stack : answer.stacks)
        for (const auto& p : stack.curve)
            std::cout << csvField(stack.architecture.name) << ',' << p.n << ',' << Json(p.prefillMs).dump() << ','
                      << Json(p.decodeMs).dump() << ',' << whole(p.kvBytes) << ',' << whole(p.stateBytes) << ',' << whole(p.weightBytes)
                      << ',' << csvField(p.label) << '\n';
}

std::string bytesText(double bytes)
{
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024.0 && unit + 1 < std::size(units); ++unit)
        bytes /= 1024.0;
    return shortNumber(bytes) + " " + units[unit];
}

std::string countText(double count) { return count >= 1e9 ? shortNumber(count / 1e9) + " billion" : shortNumber(count / 1e6) + " million"; }

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

void printStack(const Stack& stack)
{
    const auto& a = stack.architecture;
    std::cout << a.name << " (layers from `" << a.decidedBy << "`)\n" << caption(a) << '\n';
    const auto parameters = parametersOf(a);
    std::cout << countText(parameters.total) << " parameters, " << countText(parameters.active) << " at work per token; KV cache "
              << bytesText(kvBytesPerToken(a)) << " per token, state " << bytesText(stateBytes(a));
    if (const double tokens = stateInTokens(a); tokens >= 1.0)
        std::cout << " (as much as the cache of " << std::llround(tokens) << " tokens)";
    std::cout << "; " << a.dtype << ", state fp32\n\n";
    printLayers(a);
    std::cout << '\n';
    Table table({"n", "prefill ms", "decode ms", "weights", "KV", "state", "held: KV", "state", "weights", "label"}, 0);
    for (const auto& p : stack.curve) {
        const auto share = [&](double bytes) { return std::to_string(std::lround(100.0 * bytes / p.moved.sum())) + " %"; };
        table.add({std::to_string(p.n), shortNumber(p.prefillMs), shortNumber(p.decodeMs), share(p.moved.weights), share(p.moved.kv),
                   share(p.moved.state), bytesText(p.kvBytes), bytesText(p.stateBytes), bytesText(p.weightBytes), p.label});
    }
    table.print();
    std::cout << '\n';
}

void printTables(const Answer& answer, const Options& options)
{
    std::cout << answer.card.title << " (" << answer.card.source << "), " << options.scenario << ", batch " << options.question.batch
              << "\nPredicted from ceilings: no overlap, no scheduler; within 20 % at best. Percentages: what one decoding step moves.\n\n";
    for (const auto& stack : answer.stacks)
        printStack(stack);
    if (!answer.crossovers.empty())
        std::cout << "Crossovers (between the lengths in brackets the two differ by less than 20 %)\n";
    for (const auto& c : answer.crossovers) {
        std::cout << "  " << c.quantity << ", " << c.a << " and " << c.b << ": ";
        if (c.n)
            std::cout << "n = " << shortNumber(*c.n) << " (" << shortNumber(c.low) << " to " << shortNumber(c.high) << "), "
                      << c.fasterAfter << " is faster above\n";
        else
            std::cout << (c.fasterAfter.empty() ? "none in range\n" : "none in range, " + c.fasterAfter + " is faster\n");
    }
}

/// A path, or the name of an architecture that comes with the program.
std::filesystem::path configPath(const std::string& given)
{
    std::error_code failed;
    if (!std::filesystem::exists(given, failed) && given.find('/') == std::string::npos)
        if (const auto bundled = findResource("architectures/" + given + ".json"))
            return *bundled;
    return given;
}

Result<Answer> answerFor(const Options& options, const std::vector<Index>& lengths, const RunContext& context)
{
    auto card = options.card == "measured" ? Result<Card>(measuredCard(context)) : findCard(options.card);
    if (!card)
        return card.error();
    Answer answer{std::move(card).value(), {}, {}};
    for (const auto& given : options.configs) {
        auto architecture = readArchitecture(configPath(given));
        if (!architecture)
            return Error{architecture.error().code == Errc::Unsupported ? Errc::Parse : architecture.error().code,
                         architecture.error().what, architecture.error().hint};
        auto curve = curveOf(*architecture, answer.card, options.question, lengths);
        answer.stacks.push_back({std::move(architecture).value(), std::move(curve)});
    }
    for (std::size_t i = 0; i < answer.stacks.size(); ++i)
        for (std::size_t j = i + 1; j < answer.stacks.size(); ++j) {
            const auto found =
                crossoversOf(answer.stacks[i].architecture, answer.stacks[j].architecture, answer.card, options.question, lengths);
            answer.crossovers.insert(answer.crossovers.end(), found.begin(), found.end());
        }
    return answer;
}

int runStack(Options& options, const RunContext& given)
{
    const auto lengths = parseLengths(options.lengths);
    if (!lengths)
        return failUsage(lengths.error());
    options.question.scenario = scenarios.at(options.scenario);
    if (options.card != "measured")
        if (const auto card = findCard(options.card); !card)
            return failUsage(card.error());
    const auto answer = answerFor(options, *lengths, options.context->apply(given));
    if (!answer)
        return fail(answer.error());
    if (options.json)
        printDocument(*answer);
    else if (options.csv)
        printCsv(*answer);
    else
        printTables(*answer, options);
    return kOk;
}

} // namespace

Command addStack(CLI::App& parser)
{
    auto* app = parser.add_subcommand("stack", "Whole architectures from their config.json: layers, memory and latency against length.");
    auto options = std::make_shared<Options>();
    app->add_option("CONFIG", options->configs,
                    "config.json of a model, its folder, or the name of one that comes with the program (jamba-v0.1, llama-3.1-8b, ...).")
        ->required();
    app->add_option("--lengths", options->lengths, "First:last in powers of two, or a list: 1024:262144, or 4096,32768.")
        ->capture_default_str();
    app->add_option("--batch", options->question.batch, "Sequences at once; times, cache and state of the curves are of all of them.")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20));
    app->add_option("--scenario", options->scenario,
                    "prompt: one of n tokens; generate: n in and n out; conversation: the next turn of 512 tokens after n, without and "
                    "with prefix reuse.")
        ->capture_default_str()
        ->check(CLI::IsMember({"prompt", "generate", "conversation"}));
    app->add_option("--card", options->card,
                    "h100, a100 or laptop-cpu: ceilings that a datasheet states; measured: this machine's softmax kernel and memory, "
                    "extrapolated to the whole model.")
        ->capture_default_str();
    options->context = addContextOptions(*app, false);
    auto* json = app->add_flag("--json", options->json, "One JSON document on stdout.");
    app->add_flag("--csv", options->csv, "The curves as CSV on stdout.")->excludes(json);
    return {app, [options](const RunContext& context) { return runStack(*options, context); }};
}

} // namespace attnscope::cli
