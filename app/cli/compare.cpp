// SPDX-License-Identifier: GPL-3.0-or-later
// `compare`: the metrics of several methods against exact softmax attention, of one head.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/method_options.h"
#include "app/cli/output.h"
#include "core/bench/statistics.h"
#include "core/bench/steady_memory.h"
#include "core/session/evaluation.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kTimedRuns = 5;
constexpr double kTimingSeconds = 1.0; // all of them together

struct Options {
    std::shared_ptr<InputOptions> input;
    std::shared_ptr<MethodOptions> methods;
    std::shared_ptr<ContextOptions> context;
    bool json = false;
};

struct Line {
    MethodChoice choice;
    ComparisonMetrics metrics;
    double latencyMs = 0.0;
    std::string label; ///< provenance, and how the mask was changed where the method has no form for it
};

/// What of a comparison on a GPU the CPU computed.
void sayWhereMapIs(const Backend& backend, const MethodChoice& choice, const Comparison& comparison)
{
    if (backend.id() != cpuBackend().id() && !(comparison.approximation.mapPlace == placeOf(backend)))
        giveNotice("The map of " + choice.method->info().title + " is not a product of factors: it is computed on the CPU.");
}

Result<Line> compareOne(const HeadResult& exact, const Backend& backend, const MethodChoice& choice, Inputs inputs,
                        const RunContext& context)
{
    const Inputs used = maskChangeFor(choice.method->info(), inputs).applied(inputs);
    if (auto supported = backend.supports(*choice.method, used.shape(), used.causal); !supported)
        return supported.error();
    const auto comparison = compareWith(backend, exact, *choice.method, inputs, choice.params, context);
    if (!comparison)
        return comparison.error();
    sayWhereMapIs(backend, choice, *comparison);
    inputs = used;
    auto metrics = measure(*comparison, context);
    if (!metrics)
        return metrics.error();
    const SteadyMemory steady;
    const auto times = backend.time(*choice.method, inputs, choice.params, kTimedRuns, kTimingSeconds, context);
    if (!times)
        return times.error();
    std::string label(toString(comparison->approximation.map->provenance()));
    if (comparison->change.any())
        label += ", " + comparison->change.label();
    if (metrics->map.sampled())
        label += ", sampled";
    return Line{choice, std::move(*metrics), 1e3 * median(times->seconds), std::move(label)};
}

Json pairJson(const Interval& interval) { return Json::array({interval.low, interval.high}); }

/// Rows read and 95 % intervals; null where all rows were read.
Json sampleJson(const ComparisonMetrics& metrics)
{
    const auto& map = metrics.map;
    if (!map.intervals)
        return nullptr;
    Json recall = Json::object();
    for (std::size_t i = 0; i < kRecallSizes.size(); ++i)
        recall[std::to_string(kRecallSizes[i])] = pairJson(map.intervals->topkRecall[i]);
    Json intervals{
        {"mapRelFrobenius", pairJson(map.intervals->relFrobenius)},        {"totalVariation", pairJson(map.intervals->totalVariation)},
        {"kl", map.intervals->kl ? pairJson(*map.intervals->kl) : Json()}, {"topkRecall", std::move(recall)},
        {"entropyDifference", pairJson(map.intervals->entropyDifference)}, {"negativeMass", pairJson(map.intervals->negativeMass)}};
    if (metrics.output.interval)
        intervals["outputRelFrobenius"] = pairJson(*metrics.output.interval);
    return {{"rows", map.rows}, {"rowsRead", map.rowsRead}, {"confidence", 0.95}, {"intervals", std::move(intervals)}};
}

Json lineJson(const Line& line)
{
    const auto& map = line.metrics.map;
    Json recall = Json::object();
    for (std::size_t i = 0; i < kRecallSizes.size(); ++i)
        recall[std::to_string(kRecallSizes[i])] = map.topkRecall[i];
    return {{"method", line.choice.method->info().id},
            {"parameters", parametersJson(line.choice)},
            {"mapRelFrobenius", map.relFrobenius},
            {"outputRelFrobenius", line.metrics.output.relFrobenius},
            {"mapMaxAbs", map.maxAbs},
            {"outputMaxAbs", line.metrics.output.maxAbs},
            {"totalVariation", map.totalVariation},
            {"kl", numberOrNull(map.kl)},
            {"topkRecall", std::move(recall)},
            {"entropyDifference", map.entropyDifference},
            {"rowSumDeviation", map.rowSumDeviation},
            {"negativeMass", map.negativeMass},
            {"latencyMs", line.latencyMs},
            {"label", line.label},
            {"sampled", sampleJson(line.metrics)}};
}

void printSample(const Line& line)
{
    const auto& map = line.metrics.map;
    const auto say = [](const char* what, const Interval& interval) {
        std::cout << what << shortNumber(interval.low) << " to " << shortNumber(interval.high);
    };
    std::cout << '\n'
              << formatMethod(line.choice) << ": sampled, " << map.rowsRead << " of " << map.rows << " rows (two at random of each of "
              << map.rowsRead / 2 << " runs); 95 % intervals:";
    say(" map error ", map.intervals->relFrobenius);
    if (line.metrics.output.interval)
        say(", output error ", *line.metrics.output.interval);
    say(", TV ", map.intervals->totalVariation);
    if (map.intervals->kl)
        say(", KL ", *map.intervals->kl);
    for (std::size_t i = 0; i < kRecallSizes.size(); ++i)
        say((", top-" + std::to_string(kRecallSizes[i]) + " ").c_str(), map.intervals->topkRecall[i]);
    say(", entropy ", map.intervals->entropyDifference);
    std::cout << "; largest values are those of the rows read\n";
}

/// Entropy and the like of the exact rows; null of long inputs on the CPU, whose n² cells would take longer than all else.
Result<std::optional<RowSummary>> exactRows(const Backend& backend, const HeadResult& exact, const Inputs& inputs,
                                            const RunContext& context)
{
    if (exact.rows)
        return std::optional(summaryOf(*exact.rows));
    if (backend.id() == "cpu" && comparedBySample(inputs.q.rows(), inputs.k.rows()))
        return std::optional<RowSummary>();
    const auto rows = backend.rowStatistics(inputs, {}, context);
    if (!rows)
        return rows.error();
    return std::optional(summaryOf(*rows));
}

void printTable(const std::vector<Line>& lines, const std::optional<RowSummary>& rows, const Inputs& inputs)
{
    const Shape s = inputs.shape();
    std::cout << s.queries << " queries, " << s.keys << " keys, width " << s.dim << ", " << (inputs.causal ? "causal" : "bidirectional")
              << (inputs.window > 0 ? ", window " + std::to_string(inputs.window) : std::string())
              << "; against exact softmax attention, one head\n";
    if (rows)
        std::cout << "exact rows, means: entropy " << shortNumber(rows->entropy) << " nats, sum of squares "
                  << shortNumber(rows->sumSquares) << ", largest weight " << shortNumber(rows->largest) << ", log-sum-exp "
                  << shortNumber(rows->lse) << '\n';
    std::cout << '\n';
    Table table({"method", "parameters", "label", "map error", "output error", "map max", "output max", "TV", "KL", "top-1", "top-8",
                 "top-64", "entropy", "row sums", "negative", "ms"},
                2);
    for (const auto& line : lines) {
        const auto& map = line.metrics.map;
        const auto& output = line.metrics.output;
        const auto& info = line.choice.method->info();
        table.add({info.id, line.choice.params.describe(info.params), line.label, shortNumber(map.relFrobenius),
                   shortNumber(output.relFrobenius), shortNumber(map.maxAbs), shortNumber(output.maxAbs), shortNumber(map.totalVariation),
                   map.kl ? shortNumber(*map.kl) : "n/a", shortNumber(map.topkRecall[0]), shortNumber(map.topkRecall[1]),
                   shortNumber(map.topkRecall[2]), shortNumber(map.entropyDifference), shortNumber(map.rowSumDeviation),
                   shortNumber(map.negativeMass), shortNumber(line.latencyMs)});
    }
    table.print();
    for (const auto& line : lines)
        if (line.metrics.map.intervals)
            printSample(line);
    for (const auto& line : lines)
        if (!line.metrics.map.kl && !line.metrics.map.klReason.empty())
            std::cout << "\nKL of " << formatMethod(line.choice) << ": n/a, " << line.metrics.map.klReason << '\n';
}

Json rowsJson(const std::optional<RowSummary>& rows)
{
    if (!rows)
        return nullptr;
    return {{"entropy", rows->entropy}, {"sumSquares", rows->sumSquares}, {"largest", rows->largest}, {"lse", rows->lse}};
}

void print(const Options& options, const std::vector<Line>& lines, const std::optional<RowSummary>& rows, const Inputs& inputs)
{
    if (!options.json) {
        printTable(lines, rows, inputs);
        return;
    }
    Json list = Json::array();
    for (const auto& line : lines)
        list.push_back(lineJson(line));
    printJson({{"methods", std::move(list)}, {"exactRows", rowsJson(rows)}});
}

int runCompare(const Options& options, const RunContext& given)
{
    const auto choices = options.methods->choices();
    if (!choices)
        return failUsage(choices.error());
    const auto backend = options.context->findBackend();
    if (!backend)
        return fail(backend.error());
    const RunContext context = options.context->apply(given);
    const auto input = options.input->open(context, HeadRef{0, 0});
    if (!input)
        return failInput(input.error());
    const auto exact = evaluateExact(**backend, input->inputs, context);
    if (!exact)
        return fail(exact.error());
    std::vector<Line> lines;
    for (const auto& choice : *choices) {
        if ((*backend)->id() == "cpu")
            sayIfLong(choice, input->inputs, context);
        auto line = compareOne(*exact, **backend, choice, input->inputs, context);
        if (!line)
            return fail(line.error());
        if (const auto change = maskChangeFor(choice.method->info(), input->inputs); change.any())
            std::cerr << choice.method->info().title << " has " << change.explanation() << ".\n";
        lines.push_back(std::move(*line));
    }
    const auto rows = exactRows(**backend, *exact, input->inputs, context);
    if (!rows)
        return fail(rows.error());
    print(options, lines, *rows, input->inputs);
    return kOk;
}

} // namespace

Command addCompare(CLI::App& parser)
{
    auto* app = parser.add_subcommand("compare", "The metrics table: several methods against exact softmax attention, on one head.");
    auto options = std::make_shared<Options>();
    options->input = addInputOptions(*app, "0:0 where left out.");
    options->methods = addMethodListOptions(*app);
    options->context = addContextOptions(*app, true);
    app->add_flag("--json", options->json, "One JSON document on stdout.");
    return {app, [options](const RunContext& context) { return runCompare(*options, context); }};
}

} // namespace attnscope::cli
