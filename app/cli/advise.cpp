// SPDX-License-Identifier: GPL-3.0-or-later
// `advise`: what one head's exact attention is like, and which families of approximations that favours, with measured errors.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/output.h"
#include "core/session/advice.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::shared_ptr<InputOptions> input;
    std::shared_ptr<ContextOptions> context;
    bool json = false;
};

Json profileJson(const InputProfile& p)
{
    return {{"queries", p.queries},           {"keys", p.keys},
            {"rowsRead", p.rowsRead},         {"entropy", p.entropy},
            {"flatEntropy", p.flatEntropy},   {"stableRank", p.stableRank},
            {"largestLogit", p.largestLogit}, {"sqrtLogKeys", p.logitScale},
            {"nearWeight", p.nearWeight},     {"firstWeight", p.firstWeight}};
}

void print(const Advice& advice)
{
    std::cout << advice.summary() << "\n\n";
    for (const auto& finding : advice.findings)
        std::cout << "- " << finding << '\n';
    if (advice.profile.sampled())
        std::cout << "(means over " << advice.profile.rowsRead << " sampled queries of " << advice.profile.queries << ")\n";
    std::cout << "\nMeasured on " << advice.tokens << " tokens, each method at its defaults\n\n";
    Table table({"method", "family", "compared", "output error", "map error", "TV"}, 3);
    for (const auto& line : advice.lines)
        table.add({line.method, line.family, line.label.empty() ? "as given" : line.label, shortNumber(line.outputRelFrobenius),
                   shortNumber(line.mapRelFrobenius), shortNumber(line.totalVariation)});
    table.print();
}

void printDocument(const Advice& advice)
{
    Json lines = Json::array();
    for (const auto& line : advice.lines)
        lines.push_back({{"method", line.method},
                         {"family", line.family},
                         {"label", line.label},
                         {"outputRelFrobenius", line.outputRelFrobenius},
                         {"mapRelFrobenius", line.mapRelFrobenius},
                         {"totalVariation", line.totalVariation}});
    printJson({{"summary", advice.summary()},
               {"favoured", advice.favoured},
               {"findings", advice.findings},
               {"profile", profileJson(advice.profile)},
               {"tokens", advice.tokens},
               {"methods", std::move(lines)}});
}

int runAdvise(const Options& options, const RunContext& given)
{
    const RunContext context = options.context->apply(given);
    const auto input = options.input->open(context, HeadRef{0, 0});
    if (!input)
        return failInput(input.error());
    const auto advice = adviceFor(input->inputs, context);
    if (!advice)
        return fail(advice.error());
    options.json ? printDocument(*advice) : print(*advice);
    return kOk;
}

} // namespace

Command addAdvise(CLI::App& parser)
{
    auto* app = parser.add_subcommand("advise", "What one head's attention is like, and which approximations suit it.");
    auto options = std::make_shared<Options>();
    options->input = addInputOptions(*app, "0:0 where left out.");
    options->context = addContextOptions(*app, false);
    app->add_flag("--json", options->json, "One JSON document on stdout.");
    return {app, [options](const RunContext& context) { return runAdvise(*options, context); }};
}

} // namespace attnscope::cli
