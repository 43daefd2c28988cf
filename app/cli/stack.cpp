// SPDX-License-Identifier: GPL-3.0-or-later
// `stack`: whole architectures from their config.json: layers, KV cache, state, predicted latency against length, crossovers, advice.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/lengths.h"
#include "app/cli/stack_output.h"
#include "core/base/resources.h"
#include "core/stack/read_architecture.h"
#include "core/stack/stack_help.h"

#include <CLI/App.hpp>

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <map>

namespace attnscope::cli {

namespace {

const std::map<std::string, Scenario> scenarios{
    {"prompt", Scenario::Prompt}, {"generate", Scenario::Generate}, {"conversation", Scenario::Conversation}};

struct Options {
    std::shared_ptr<ContextOptions> context;
    std::vector<std::string> configs;
    std::string lengths = "1024:262144";
    StackQuestion question;
    std::string scenario = "prompt";
    std::string card = "h100";
    bool remeasure = false;
    bool decide = false;
    bool explain = false;
    bool json = false;
    bool csv = false;
};

/// A path, or the name of an architecture that comes with the program.
std::filesystem::path configPath(const std::string& given)
{
    std::error_code failed;
    if (!std::filesystem::exists(given, failed) && given.find('/') == std::string::npos)
        if (const auto bundled = findResource("architectures/" + given + ".json"))
            return *bundled;
    return given;
}

Result<std::vector<Architecture>> readAll(const std::vector<std::string>& configs)
{
    std::vector<Architecture> architectures;
    for (const auto& given : configs) {
        auto architecture = readArchitecture(configPath(given));
        if (!architecture)
            return Error{architecture.error().code == Errc::Unsupported ? Errc::Parse : architecture.error().code,
                         architecture.error().what, architecture.error().hint};
        architectures.push_back(*std::move(architecture));
    }
    return architectures;
}

/// Measuring says on a terminal how far it is.
Result<Card> cardFor(const Options& options, const std::vector<Architecture>& architectures, const RunContext& given)
{
    if (options.card != "measured")
        return findCard(options.card);
    RunContext context = given;
    if (isatty(STDERR_FILENO) != 0)
        context.progress = [](double done) {
            std::fprintf(stderr, "\rMeasuring kernels here: %3.0f %%%s", 100.0 * done, done < 1.0 ? "" : "\n");
        };
    return measuredCard(architectures, options.remeasure, context);
}

StackAnswer answerFor(const Options& options, Card card, std::vector<Architecture> architectures, const std::vector<Index>& lengths)
{
    StackAnswer answer{std::move(card), options.scenario, options.question.batch, {}, {}};
    for (std::size_t i = 0; i < architectures.size(); ++i)
        for (std::size_t j = i + 1; j < architectures.size(); ++j) {
            const auto found = crossoversOf(architectures[i], architectures[j], answer.card, options.question, lengths);
            answer.crossovers.insert(answer.crossovers.end(), found.begin(), found.end());
        }
    for (auto& architecture : architectures) {
        auto curve = curveOf(architecture, answer.card, options.question, lengths);
        answer.stacks.push_back({std::move(architecture), std::move(curve)});
    }
    return answer;
}

void decideAll(const Options& options, const Card& card, const std::vector<Architecture>& architectures)
{
    std::vector<Decision> decisions;
    for (const auto use : stackUses())
        decisions.push_back(decide(architectures, card, {use}));
    if (options.json)
        printDecisionsJson(decisions);
    else
        printDecisions(decisions);
}

int runStack(Options& options, const RunContext& given)
{
    if (options.explain) {
        std::cout << stackHelp();
        return kOk;
    }
    if (options.configs.empty())
        return failUsage("stack needs at least one CONFIG.", "Give a model's config.json, or a name such as llama-3.1-8b.");
    const auto lengths = parseLengths(options.lengths);
    if (!lengths)
        return failUsage(lengths.error());
    options.question.scenario = scenarios.at(options.scenario);
    if (options.card != "measured")
        if (const auto card = findCard(options.card); !card)
            return failUsage(card.error());
    auto architectures = readAll(options.configs);
    if (!architectures)
        return fail(architectures.error());
    auto card = cardFor(options, *architectures, options.context->apply(given));
    if (!card)
        return fail(card.error());
    if (options.decide) {
        decideAll(options, *card, *architectures);
        return kOk;
    }
    const auto answer = answerFor(options, *std::move(card), *std::move(architectures), *lengths);
    if (options.json)
        printStackJson(answer);
    else if (options.csv)
        printStackCsv(answer);
    else
        printStackTables(answer);
    return kOk;
}

} // namespace

Command addStack(CLI::App& parser)
{
    auto* app = parser.add_subcommand("stack", "Whole architectures from their config.json: layers, memory and latency against length.");
    auto options = std::make_shared<Options>();
    app->add_option("CONFIG", options->configs,
                    "config.json of a model, its folder, or the name of one that comes with the program (jamba-v0.1, llama-3.1-8b, ...).");
    app->add_option("--lengths", options->lengths, "First:last in powers of two, or a list: 1024:262144, or 4096,32768.")
        ->capture_default_str();
    app->add_option("--batch", options->question.batch, "Sequences at once; times, cache and state of the curves are of all of them.")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20));
    app->add_option("--scenario", options->scenario,
                    "prompt: one of n tokens; generate: n in and n out; conversation: the next turns after n, without and with "
                    "prefix reuse.")
        ->capture_default_str()
        ->check(CLI::IsMember({"prompt", "generate", "conversation"}));
    app->add_option("--turns", options->question.turns, "Turns of a conversation; prefill is what all of them read.")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app->add_option("--turn-tokens", options->question.turnTokens, "New tokens of each turn.")
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20));
    app->add_option("--card", options->card,
                    "h100, a100 or laptop-cpu: ceilings that a datasheet states; h100-calibrated: those that a published run reached; "
                    "measured: this machine's kernels, run once for some seconds and kept in the user's cache.")
        ->capture_default_str();
    app->add_flag("--remeasure", options->remeasure, "Measure the kernels again, whatever is in the cache.");
    auto* decide = app->add_flag("--decide", options->decide, "Advice for six uses instead of curves, with the numbers it rests on.");
    app->add_flag("--explain", options->explain, "How the numbers come about, with a worked example; needs no CONFIG.");
    options->context = addContextOptions(*app, false);
    auto* json = app->add_flag("--json", options->json, "One JSON document on stdout.");
    app->add_flag("--csv", options->csv, "The curves as CSV on stdout.")->excludes(json)->excludes(decide);
    app->footer("attnscope-cli stack --explain says how times are predicted and works through a published run.");
    return {app, [options](const RunContext& context) { return runStack(*options, context); }};
}

} // namespace attnscope::cli
