// SPDX-License-Identifier: GPL-3.0-or-later
// `map`: a block of the attention map that a method implies, or of its difference from another method's, as .npy.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/lengths.h"
#include "app/cli/method_options.h"
#include "core/bench/statistics.h"
#include "core/io/npy.h"
#include "core/scores/difference.h"
#include "core/scores/direct_pooling.h"

#include <CLI/App.hpp>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>

namespace attnscope::cli {

namespace {

constexpr int kTimedReads = 5;
constexpr Index kStripCells = Index{1} << 22; // written as it is read, so that a map of any size needs 16 MiB
constexpr double kCellsOfReport = 2e9;        // of the map that are visited between two reports of progress, and before the first

struct Options {
    std::shared_ptr<InputOptions> input;
    std::shared_ptr<MethodOptions> method;
    std::shared_ptr<ContextOptions> context;
    std::string rows = ":";
    std::string cols = ":";
    int level = 0;
    std::string pool = "max";
    std::string against;
    std::string metric = "error";
    std::string out;
    bool time = false;
};

Pool poolNamed(const std::string& name) { return name == "mean" ? Pool::Mean : name == "min" ? Pool::Min : Pool::Max; }

/// Whether pooling looks at every cell of the map in the block, and there are many.
bool isVisited(const ScoreSource& map, const Options& options, const Block& block)
{
    const double cells = std::ldexp(static_cast<double>(block.rows) * static_cast<double>(block.cols), 2 * block.level);
    return block.level > 0 && cells > kCellsOfReport && !poolsDirectly(map, poolNamed(options.pool));
}

/// Says what takes so long, and on a terminal how far it is.
RunContext reporting(const ScoreSource& map, const Options& options, const Block& block, RunContext context)
{
    if (!isVisited(map, options, block))
        return context;
    const Index side = Index{1} << block.level;
    std::cerr << "The exact " << options.pool << " of each block of " << side << " x " << side
              << " cells needs all of them; Ctrl+C stops it" << (options.pool == "mean" ? ".\n" : ", --pool mean may be faster.\n");
    if (isatty(STDERR_FILENO) != 0)
        context.progress = [](double done) { std::fprintf(stderr, "\r%3.0f %%%s", 100.0 * done, done < 1.0 ? "" : "\n"); };
    return context;
}

Result<void> writeBlock(const Options& options, const ScoreSource& map, const Block& block, const RunContext& context)
{
    auto file = NpyWriter::create(options.out, {block.rows, block.cols});
    if (!file)
        return file.error();
    const double rowCells = std::ldexp(static_cast<double>(block.cols), 2 * block.level); // of the map
    const Index reported = isVisited(map, options, block) ? static_cast<Index>(std::min(1e15, kCellsOfReport / rowCells)) : block.rows;
    const Index step = std::max<Index>(1, std::min({block.rows, kStripCells / block.cols, reported}));
    std::vector<float> strip(static_cast<std::size_t>(step * block.cols));
    for (Index row = 0; row < block.rows; row += step) {
        const Index rows = std::min(step, block.rows - row);
        const MatrixView<float> cells{strip.data(), rows, block.cols, block.cols};
        if (auto read = map.read({block.row0 + row, block.col0, rows, block.cols, block.level}, poolNamed(options.pool), cells, context);
            !read)
            return read;
        if (context.cancelled())
            return cancelledError();
        if (auto written = file->write({strip.data(), static_cast<std::size_t>(rows * block.cols)}); !written)
            return written;
        context.report(static_cast<double>(row + rows) / static_cast<double>(block.rows));
    }
    return file->commit();
}

/// The method's map, or its difference from that of --against.
Result<std::shared_ptr<const ScoreSource>> sourceOf(const Options& options, const Backend& backend, const MethodChoice& choice,
                                                    const std::optional<MethodChoice>& against, const Inputs& inputs,
                                                    const RunContext& context)
{
    auto map = backend.scores(*choice.method, inputs, {}, choice.params, context);
    if (!map || !against)
        return map;
    const auto metric = parseDifferenceMetric(options.metric);
    if (!metric)
        return metric.error();
    auto exact = backend.scores(*against->method, inputs, {}, against->params, context);
    if (!exact)
        return exact;
    return backend.difference(*map, *exact, *metric);
}

double millisecondsSince(std::chrono::steady_clock::time_point start)
{
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// Medians of kTimedReads times: making the map from the inputs, and reading the block.
template <class MakeMap>
Result<void> sayTimes(const Options& options, const Block& block, MakeMap makeMap, const RunContext& context)
{
    std::vector<double> made;
    std::vector<double> read;
    Tensor cells(1, 1, block.rows, block.cols);
    for (int i = 0; i < kTimedReads; ++i) {
        auto start = std::chrono::steady_clock::now();
        const auto map = makeMap();
        if (!map)
            return map.error();
        made.push_back(millisecondsSince(start));
        start = std::chrono::steady_clock::now();
        if (auto done = (*map)->read(block, poolNamed(options.pool), cells.matrix(), context); !done)
            return done;
        read.push_back(millisecondsSince(start));
    }
    std::cout << "{\"madeMs\": " << median(made) << ", \"readMs\": " << median(read) << "}\n";
    return {};
}

Result<Block> blockOf(const Options& options, Index allRows, Index allCols)
{
    const auto rows = parseRange(options.rows, pooledSize(allRows, options.level));
    if (!rows)
        return rows.error();
    const auto cols = parseRange(options.cols, pooledSize(allCols, options.level));
    if (!cols)
        return cols.error();
    return Block{rows->first, cols->first, rows->second - rows->first, cols->second - cols->first, options.level};
}

int writeMap(const Options& options, const ScoreSource& map, const RunContext& context)
{
    const auto block = blockOf(options, map.rows(), map.cols());
    if (!block)
        return failUsage(block.error());
    if (auto written = writeBlock(options, map, *block, reporting(map, options, *block, context)); !written)
        return failOutput(written.error());
    return kOk;
}

/// Rows of exact maps are evaluated when they are read: the time that is foretold is that of the rows written.
Inputs foretold(const Options& options, const MethodChoice& choice, Inputs inputs)
{
    const Index rows = inputs.q.rows();
    const auto range = parseRange(options.rows, pooledSize(rows, options.level));
    if (choice.method->info().exact && range)
        inputs.q.shape[2] = std::clamp<Index>((range->second - range->first) << options.level, 1, rows);
    return inputs;
}

int runMap(const Options& options, const RunContext& given)
{
    const auto choice = options.method->choice();
    if (!choice)
        return failUsage(choice.error());
    std::optional<MethodChoice> against;
    if (!options.against.empty()) {
        auto other = parseMethod(options.against, options.method->seed);
        if (other)
            other = withFiles(std::move(*other));
        if (!other)
            return failUsage(other.error());
        against = std::move(*other);
    }
    const auto backend = options.context->findBackend();
    if (!backend)
        return fail(backend.error());
    const RunContext context = options.context->apply(given);
    const auto input = options.input->open(context, HeadRef{0, 0});
    if (!input)
        return failInput(input.error());
    if ((*backend)->id() == "cpu")
        sayIfLong(*choice, foretold(options, *choice, input->inputs), context);
    const auto makeMap = [&] { return sourceOf(options, **backend, *choice, against, input->inputs, context); };
    const auto map = makeMap();
    if (!map)
        return fail(map.error());
    if (options.time) {
        const auto block = blockOf(options, (*map)->rows(), (*map)->cols());
        if (!block)
            return failUsage(block.error());
        if (auto said = sayTimes(options, *block, makeMap, context); !said)
            return fail(said.error());
    }
    return writeMap(options, **map, context);
}

} // namespace

Command addMap(CLI::App& parser)
{
    auto* app = parser.add_subcommand("map", "Write a block of the implied attention map of one head as .npy.");
    auto options = std::make_shared<Options>();
    options->input = addInputOptions(*app, "0:0 where left out.");
    options->method = addMethodOptions(*app);
    options->context = addContextOptions(*app, true);
    app->add_option("--rows", options->rows, "First:last query, last left out, counted in cells of the level; default all.");
    app->add_option("--cols", options->cols, "First:last key, last left out, counted in cells of the level; default all.");
    app->add_option("--level", options->level, "One cell written stands for 2^L x 2^L cells of the map.")
        ->capture_default_str()
        ->check(CLI::Range(0, 39));
    app->add_option("--pool", options->pool, "How they are pooled: max, mean or min.")
        ->capture_default_str()
        ->check(CLI::IsMember({"max", "mean", "min"}));
    auto* against = app->add_option("--against", options->against,
                                    "Write the difference: the method's map minus the one of this method (ID or ID:key=value,...).");
    app->add_option("--metric", options->metric, "Of the difference: error (signed), abs, squared or relative.")
        ->capture_default_str()
        ->check(CLI::IsMember({"error", "abs", "squared", "relative"}))
        ->needs(against);
    app->add_flag("--time", options->time,
                  "Also print, as JSON, the median milliseconds to make the map from the inputs and to read the block.");
    app->add_option("--out", options->out, "The .npy file to write (float32).")->required();
    return {app, [options](const RunContext& context) { return runMap(*options, context); }};
}

} // namespace attnscope::cli
