// SPDX-License-Identifier: GPL-3.0-or-later
// `verify`: every method against its float64 definition on this machine.
#include "core/metrics/verify.h"
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/output.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::shared_ptr<ContextOptions> context;
    std::uint64_t seed = 0;
    bool json = false;
};

Json resultsJson(const std::vector<VerifyResult>& results)
{
    Json list = Json::array();
    for (const auto& r : results)
        list.push_back({{"method", r.method},
                        {"form", r.form},
                        {"backend", r.backend},
                        {"dtype", r.dtype},
                        {"residual", r.verdict == "unsupported" ? Json(nullptr) : Json(r.residual)},
                        {"verdict", r.verdict},
                        {"note", r.note}});
    return {{"results", std::move(list)}};
}

void printResults(const std::vector<VerifyResult>& results)
{
    Table table({"method", "form", "backend", "dtype", "verdict", "residual", "note"}, 7);
    for (const auto& r : results)
        table.add({r.method, r.form, r.backend, r.dtype, r.verdict, r.verdict == "unsupported" ? "-" : shortNumber(r.residual), r.note});
    table.print();
}

int runVerify(const Options& options, const RunContext& given)
{
    const auto backend = options.context->findBackend();
    if (!backend)
        return fail(backend.error());
    const auto results = verifyMethods(**backend, options.seed, options.context->apply(given));
    if (!results)
        return fail(results.error());
    if (options.json)
        printJson(resultsJson(*results));
    else
        printResults(*results);
    const auto failures = std::count_if(results->begin(), results->end(), [](const VerifyResult& r) { return r.verdict == "fail"; });
    if (failures == 0)
        return kOk;
    std::cerr << failures << " of " << results->size() << " checks failed on " << (*backend)->id()
              << ".\nPlease report the table with the name of the processor or GPU.\n";
    return kOther;
}

} // namespace

Command addVerify(CLI::App& parser)
{
    auto* app = parser.add_subcommand("verify", "Check every method against its float64 reference; exit code 1 where one fails.");
    auto options = std::make_shared<Options>();
    options->context = addContextOptions(*app, true);
    app->add_option("--seed", options->seed, "Seed of the random inputs.")->capture_default_str();
    app->add_flag("--json", options->json, "One JSON document on stdout.");
    return {app, [options](const RunContext& context) { return runVerify(*options, context); }};
}

} // namespace attnscope::cli
