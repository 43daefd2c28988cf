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

#include <CLI/App.hpp>

namespace attnscope::cli {

namespace {

struct Options {
    std::shared_ptr<ContextOptions> context;
    std::string model;
    std::string text;
    std::string layers;
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
    if (auto written = writeCapture(options.out, **document, *layers, context); !written)
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
    app->add_option("--out", options->out, "The .safetensors file to write: layers.L.q, .k, .v as [H, N, D].")->required();
    options->context = addContextOptions(*app, false);
    return {app, [options](const RunContext& context) { return runExtract(*options, context); }};
}

} // namespace attnscope::cli
