// SPDX-License-Identifier: GPL-3.0-or-later
// `theory`: what a method's theorems and closed forms say of its error on one head, beside what is measured.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/method_options.h"
#include "app/cli/output.h"
#include "core/session/evaluation.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::shared_ptr<InputOptions> input;
    std::shared_ptr<MethodOptions> method;
    std::shared_ptr<ContextOptions> context;
    bool json = false;
};

Json curveJson(const TheoryCurve& curve)
{
    return {{"title", curve.title},         {"source", curve.source},       {"quantity", curve.quantity},
            {"axis", curve.axis},           {"kind", toString(curve.kind)}, {"x", curve.x},
            {"predicted", curve.predicted}, {"measured", curve.measured},   {"caption", curve.caption}};
}

void print(const TheoryCurve& curve)
{
    std::cout << curve.title << " (" << toString(curve.kind) << (curve.source.empty() ? "" : "; " + curve.source) << ")\n"
              << curve.caption << '\n';
    if (!curve.x.empty()) {
        std::cout << curve.quantity << "\n\n";
        Table table({curve.axis, "predicted", "measured"});
        for (std::size_t i = 0; i < curve.x.size(); ++i)
            table.add({shortNumber(curve.x[i]), i < curve.predicted.size() ? shortNumber(curve.predicted[i]) : "-",
                       i < curve.measured.size() ? shortNumber(curve.measured[i]) : "-"});
        table.print();
    }
    std::cout << '\n';
}

int runTheory(const Options& options, const RunContext& given)
{
    const auto choice = options.method->choice();
    if (!choice)
        return failUsage(choice.error());
    const RunContext context = options.context->apply(given);
    const auto input = options.input->open(context, HeadRef{0, 0});
    if (!input)
        return failInput(input.error());
    const auto curves = theoryFor(*choice->method, input->inputs, choice->params, context);
    if (!curves)
        return fail(curves.error());
    if (const auto change = maskChangeFor(choice->method->info(), input->inputs); change.any())
        std::cerr << choice->method->info().title << " has " << change.explanation() << ".\n";
    if (options.json) {
        Json list = Json::array();
        for (const auto& curve : *curves)
            list.push_back(curveJson(curve));
        printJson({{"method", choice->method->info().id}, {"curves", std::move(list)}});
        return kOk;
    }
    if (curves->empty())
        std::cout << "No theorem or closed form is known here for " << choice->method->info().title << ".\n";
    for (const auto& curve : *curves)
        print(curve);
    return kOk;
}

} // namespace

Command addTheory(CLI::App& parser)
{
    auto* app = parser.add_subcommand("theory", "What theory says of a method's error on one head, beside what is measured.");
    auto options = std::make_shared<Options>();
    options->input = addInputOptions(*app, "0:0 where left out.");
    options->method = addMethodOptions(*app);
    options->context = addContextOptions(*app, false);
    app->add_flag("--json", options->json, "One JSON document on stdout.");
    return {app, [options](const RunContext& context) { return runTheory(*options, context); }};
}

} // namespace attnscope::cli
