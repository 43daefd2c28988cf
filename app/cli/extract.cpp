// SPDX-License-Identifier: GPL-3.0-or-later
// `extract`: q, k, v of every layer and head of a model reading a text, written as .safetensors.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/lengths.h"
#include "core/inputs/capture_file.h"
#include "core/inputs/text_file.h"
#include "core/io/atomic_file.h"
#include "core/model/text_document.h"
#include "core/session/time_estimate.h"

#include <CLI/App.hpp>

#include <algorithm>
#include <iostream>
#include <optional>

namespace attnscope::cli {

namespace {

struct Options {
    std::shared_ptr<ContextOptions> context;
    std::string model;
    std::string text;
    std::string layers;
    std::optional<Index> head;
    std::string out;
};

/// The chosen layers, or all where none are chosen.
Result<std::vector<Index>> chosenLayers(const std::string& text, Index count)
{
    if (text.empty())
        return std::vector<Index>{};
    auto layers = parseIndices(text);
    if (!layers)
        return layers;
    for (const Index layer : *layers)
        if (layer >= count)
            return Error{Errc::InvalidParam, "The model has no layer " + std::to_string(layer) + ".",
                         "It has " + std::to_string(count) + ", counted from 0."};
    return layers;
}

/// What a long run will take, before it starts; to standard error, as the program's output is a file.
void sayCost(const Document& document, const std::vector<Index>& layers, std::optional<Index> head, const RunContext& context)
{
    const Index last = layers.empty() ? static_cast<Index>(document.info().layerNames.size()) - 1 : *std::ranges::max_element(layers);
    if (const auto slow = longLayer(document, last, {0, head.value_or(0)}, context))
        std::cerr << slow->what << '\n';
}

int runExtract(const Options& options, const RunContext& given)
{
    if (auto writable = AtomicFile::create(options.out); !writable) // found out before the work is done
        return failOutput(writable.error());
    const RunContext context = options.context->apply(given);
    auto text = options.text == "-" ? readTextFromStdin() : readTextFile(options.text);
    if (!text)
        return failInput(text.error());
    const auto document = openText(*text, options.text == "-" ? "" : options.text, options.model, context);
    if (!document)
        return failInput(document.error());
    const auto layers = chosenLayers(options.layers, static_cast<Index>((*document)->info().layerNames.size()));
    if (!layers)
        return failUsage(layers.error());
    const Index heads = (*document)->info().heads;
    if (options.head && *options.head >= heads)
        return failUsage({Errc::InvalidParam, "The model has no head " + std::to_string(*options.head) + ".",
                          "It has " + std::to_string(heads) + ", counted from 0."});
    sayCost(**document, *layers, options.head, context);
    const auto head = options.head ? std::optional<HeadRef>({0, *options.head}) : std::nullopt;
    if (auto written = writeCapture(options.out, **document, *layers, context, head); !written)
        return failOutput(written.error());
    return kOk;
}

} // namespace

Command addExtract(CLI::App& parser)
{
    auto* app = parser.add_subcommand("extract", "Run a text through a transformer and save q, k, v of its layers as .safetensors.");
    auto options = std::make_shared<Options>();
    app->add_option("--model", options->model, "Folder with config.json, tokenizer.json and model.safetensors.")->required();
    app->add_option("--text", options->text, "A text file in UTF-8, or - for standard input.")->required();
    app->add_option("--layers", options->layers, "Layers counted from 0, such as 0,3; default all.");
    app->add_option("--head", options->head, "One query head, counted from 0, with the keys and values that it reads; default all.")
        ->check(CLI::Range(Index{0}, Index{1} << 20));
    app->add_option("--out", options->out, "The .safetensors file to write: layers.L.q, .k, .v as [H, N, D].")->required();
    options->context = addContextOptions(*app, false);
    return {app, [options](const RunContext& context) { return runExtract(*options, context); }};
}

} // namespace attnscope::cli
