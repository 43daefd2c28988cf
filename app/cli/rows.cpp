// SPDX-License-Identifier: GPL-3.0-or-later
// `rows`: log-sum-exp, entropy, sum of squares and the largest weights of each row of the exact map.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/lengths.h"
#include "app/cli/output.h"
#include "core/bench/statistics.h"
#include "core/io/npy.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <iostream>
#include <optional>
#include <sstream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kTimedRuns = 5;
constexpr auto kTop = static_cast<std::size_t>(kTopWeights);

struct Options {
    std::shared_ptr<InputOptions> input;
    std::shared_ptr<ContextOptions> context;
    std::string rows = ":";
    bool json = false;
    bool csv = false;
    bool time = false;
    std::string out;
};

std::string text(float value)
{
    std::ostringstream out;
    out.precision(9);
    out << value;
    return out.str();
}

/// The keys that a row has weight on, at most kTopWeights.
std::size_t keysOf(const RowStatistics& rows, std::size_t row)
{
    std::size_t count = 0;
    while (count < kTop && rows.topKeys[row * kTop + count] >= 0)
        ++count;
    return count;
}

Json rowJson(const RowStatistics& rows, std::size_t row)
{
    Json top = Json::array();
    for (std::size_t i = row * kTop; i < row * kTop + keysOf(rows, row); ++i)
        top.push_back({{"key", rows.topKeys[i]}, {"weight", rows.topWeights[i]}});
    return {{"row", row},
            {"lse", rows.lse[row]},
            {"entropy", rows.entropy[row]},
            {"sumSquares", rows.sumSquares[row]},
            {"top", std::move(top)}};
}

Json summaryJson(const RowSummary& summary)
{
    return {{"lse", summary.lse}, {"entropy", summary.entropy}, {"sumSquares", summary.sumSquares}, {"largest", summary.largest}};
}

void printCsv(const RowStatistics& rows, std::pair<Index, Index> range)
{
    std::cout << "row,lse,entropy,sumSquares";
    for (std::size_t i = 1; i <= kTop; ++i)
        std::cout << ",key" << i << ",weight" << i;
    std::cout << '\n';
    for (auto row = static_cast<std::size_t>(range.first); row < static_cast<std::size_t>(range.second); ++row) {
        std::cout << row << ',' << text(rows.lse[row]) << ',' << text(rows.entropy[row]) << ',' << text(rows.sumSquares[row]);
        for (std::size_t i = 0; i < kTop; ++i)
            if (i < keysOf(rows, row))
                std::cout << ',' << rows.topKeys[row * kTop + i] << ',' << text(rows.topWeights[row * kTop + i]);
            else
                std::cout << ",,";
        std::cout << '\n';
    }
}

void printTable(const RowStatistics& rows, std::pair<Index, Index> range)
{
    Table table({"row", "log-sum-exp", "entropy", "sum of squares", "as if", "largest weights (key: weight)"}, 0);
    for (auto row = static_cast<std::size_t>(range.first); row < static_cast<std::size_t>(range.second); ++row) {
        std::string top;
        for (std::size_t i = 0; i < std::min<std::size_t>(3, keysOf(rows, row)); ++i)
            top += (i > 0 ? "  " : "") + std::to_string(rows.topKeys[row * kTop + i]) + ": " +
                   shortNumber(static_cast<double>(rows.topWeights[row * kTop + i]));
        table.add({std::to_string(row), shortNumber(static_cast<double>(rows.lse[row])),
                   shortNumber(static_cast<double>(rows.entropy[row])), shortNumber(static_cast<double>(rows.sumSquares[row])),
                   shortNumber(1.0 / static_cast<double>(rows.sumSquares[row])) + " keys", top});
    }
    table.print();
    const RowSummary means = summaryOf(rows);
    std::cout << "\nmeans of all " << rows.rows() << " rows: log-sum-exp " << shortNumber(means.lse) << ", entropy "
              << shortNumber(means.entropy) << " nats, sum of squares " << shortNumber(means.sumSquares) << ", largest weight "
              << shortNumber(means.largest) << '\n';
}

/// The rows of one head; with --out its output too, in the same pass over the keys where the backend can.
Result<RowStatistics> computeRows(const Backend& backend, const Inputs& inputs, std::optional<NpyWriter>& file, const RunContext& context)
{
    if (!file)
        return backend.rowStatistics(inputs, {}, context);
    auto exact = backend.exactWithRows(inputs, context);
    if (!exact)
        return exact.error();
    if (auto written = file->write(exact->output.values()); !written)
        return written.error();
    if (auto written = file->commit(); !written)
        return written.error();
    return std::move(exact->rows.front());
}

/// Median milliseconds, with what has to be copied.
Result<double> medianTime(const Backend& backend, const Inputs& inputs, bool withOutput, const RunContext& context)
{
    std::vector<double> times;
    for (int i = 0; i < kTimedRuns; ++i) {
        const auto start = std::chrono::steady_clock::now();
        const auto rows = withOutput ? Result<RowStatistics>(RowStatistics()) : backend.rowStatistics(inputs, {}, context);
        const auto both = withOutput ? backend.exactWithRows(inputs, context) : Result<ExactOutput>(ExactOutput());
        if (!rows || !both)
            return rows ? both.error() : rows.error();
        times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    return median(times);
}

int runRows(const Options& options, const RunContext& given)
{
    const auto backend = options.context->findBackend();
    if (!backend)
        return fail(backend.error());
    const RunContext context = options.context->apply(given);
    const auto input = options.input->open(context, HeadRef{0, 0});
    if (!input)
        return failInput(input.error());
    const auto range = parseRange(options.rows, input->inputs.q.rows());
    if (!range)
        return failUsage(range.error());
    std::optional<NpyWriter> file;
    if (!options.out.empty()) {
        auto created = NpyWriter::create(options.out, {input->inputs.q.rows(), input->inputs.v.cols()});
        if (!created) // found out before the work is done
            return failOutput(created.error());
        file.emplace(*std::move(created));
    }
    const auto rows = computeRows(**backend, input->inputs, file, context);
    if (!rows)
        return rows.error().code == Errc::Io ? failOutput(rows.error()) : fail(rows.error());
    if (options.time) {
        const auto took = medianTime(**backend, input->inputs, !options.out.empty(), context);
        if (!took)
            return fail(took.error());
        std::cerr << "median " << *took << " ms\n";
    }
    if (options.csv) {
        printCsv(*rows, *range);
    } else if (options.json) {
        Json list = Json::array();
        for (Index row = range->first; row < range->second; ++row)
            list.push_back(rowJson(*rows, static_cast<std::size_t>(row)));
        printJson({{"backend", (*backend)->id()},
                   {"dtype", toString((*backend)->dtype())},
                   {"means", summaryJson(summaryOf(*rows))},
                   {"rows", std::move(list)}});
    } else {
        printTable(*rows, *range);
    }
    return kOk;
}

} // namespace

Command addRows(CLI::App& parser)
{
    auto* app =
        parser.add_subcommand("rows", "What each row of the exact map of one head is like: entropy, largest weights and their keys.");
    auto options = std::make_shared<Options>();
    options->input = addInputOptions(*app, "0:0 where left out.");
    options->context = addContextOptions(*app, true);
    app->add_option("--rows", options->rows, "First:last query to print, last left out; default all. The means are of all rows.");
    auto* json = app->add_flag("--json", options->json, "One JSON document on stdout.");
    app->add_flag("--csv", options->csv, "CSV on stdout.")->excludes(json);
    app->add_option("--out", options->out,
                    "Also write the output [N, Dv] as .npy, from the same pass over the keys where the backend can.");
    app->add_flag("--time", options->time, "Also say on stderr the median milliseconds of all rows, with the copies to and from a GPU.");
    return {app, [options](const RunContext& context) { return runRows(*options, context); }};
}

} // namespace attnscope::cli
