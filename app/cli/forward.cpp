// SPDX-License-Identifier: GPL-3.0-or-later
// `forward`: how long a model's whole forward pass takes on this machine, length by length.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/lengths.h"
#include "app/cli/output.h"
#include "core/base/random.h"
#include "core/bench/machine.h"
#include "core/bench/statistics.h"
#include "core/model/transformer.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::shared_ptr<ContextOptions> context;
    std::string model;
    std::string lengths = "1024";
    int repeats = 5;
    bool json = false;
};

/// Milliseconds of each run after one that warms up, of tokens drawn from the vocabulary; to the hidden states behind the last norm.
Result<std::vector<double>> timesOf(const Transformer& model, Index length, int repeats, const RunContext& context)
{
    using Clock = std::chrono::steady_clock;
    Random random(0, static_cast<std::uint64_t>(length));
    std::vector<std::int32_t> ids(static_cast<std::size_t>(length));
    for (auto& id : ids)
        id = static_cast<std::int32_t>(random.uniform() * static_cast<double>(model.config().vocabulary));
    ForwardOptions wanted;
    wanted.captureLayers.emplace();
    wanted.hiddenStates = true;
    std::vector<double> times;
    for (int i = 0; i <= repeats; ++i) {
        const auto start = Clock::now();
        if (auto result = model.forward(ids, wanted, context); !result)
            return result.error();
        if (i > 0)
            times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    return times;
}

int runForward(const Options& options, const RunContext& given)
{
    const auto lengths = parseLengths(options.lengths);
    if (!lengths)
        return failUsage(lengths.error());
    const auto model = Transformer::load(options.model);
    if (!model)
        return failInput(model.error());
    const RunContext context = options.context->apply(given);
    Json samples = Json::array();
    for (const Index n : *lengths) {
        const auto times = timesOf(*model, n, options.repeats, context);
        if (!times)
            return fail(times.error());
        const Quartiles q = quartiles(*times);
        samples.push_back({{"n", n}, {"medianMs", q.median}, {"q1Ms", q.q1}, {"q3Ms", q.q3}});
        if (!options.json) {
            std::printf("%8lld tokens %10s ms  (%s to %s)\n", static_cast<long long>(n), shortNumber(q.median).c_str(),
                        shortNumber(q.q1).c_str(), shortNumber(q.q3).c_str());
            std::fflush(stdout);
        }
    }
    if (options.json)
        printJson({{"machine", {{"processor", machineInfo().processor}, {"threads", context.threadCount()}}},
                   {"repeats", options.repeats},
                   {"samples", std::move(samples)}});
    return kOk;
}

} // namespace

Command addForward(CLI::App& parser)
{
    auto* app = parser.add_subcommand("forward", "Measure how long a model's forward pass takes on this machine.");
    auto options = std::make_shared<Options>();
    app->add_option("--model", options->model, "Folder with config.json and model.safetensors.")->required();
    app->add_option("--lengths", options->lengths, "Tokens: first:last in powers of two, or a list.")->capture_default_str();
    app->add_option("--repeats", options->repeats, "Timed runs of each length, after one that warms up.")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    options->context = addContextOptions(*app, false);
    app->add_flag("--json", options->json, "One JSON document on stdout, when all is measured.");
    return {app, [options](const RunContext& context) { return runForward(*options, context); }};
}

} // namespace attnscope::cli
