// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/input_options.h"

#include "app/cli/lengths.h"

#include <CLI/App.hpp>

#include <algorithm>
#include <cmath>

namespace attnscope::cli {

namespace {

Error outside(const std::string& what, Index count)
{
    return {Errc::InvalidParam, "The input has no " + what + ".", "There are " + std::to_string(count) + ", counted from 0."};
}

/// By number, as in the file ("layers.7.q" is layer 7), or by the order where layers have no names.
Result<Index> findLayer(const DocumentInfo& info, const std::string& wanted)
{
    if (wanted.empty())
        return Index{0};
    for (std::size_t i = 0; i < info.layerNames.size(); ++i)
        if (info.layerNames[i] == wanted || info.layerNames[i] == "layer " + wanted)
            return static_cast<Index>(i);
    if (info.layerNames.size() <= 1 && wanted == "0")
        return Index{0};
    std::string known;
    for (const auto& name : info.layerNames)
        known += (known.empty() ? "" : ", ") + name;
    return Error{Errc::InvalidParam, "The input has no layer " + wanted + ".",
                 known.empty() ? "It has one layer; leave --layer out." : "It has: " + known + "."};
}

Result<HeadRef> checkHead(const DocumentInfo& info, const std::string& text)
{
    auto head = parseHead(text);
    if (head && head->batch >= info.batch)
        return outside("batch entry " + std::to_string(head->batch), info.batch);
    if (head && head->head >= info.heads)
        return outside("head " + std::to_string(head->head), info.heads);
    return head;
}

} // namespace

Result<OpenedInput> InputOptions::open(const RunContext& context, std::optional<HeadRef> fallback) const
{
    TensorOptions wanted = arrays;
    if (!layout.empty())
        wanted.layout = layoutNamed(layout);
    if (causal || bidirectional)
        wanted.causal = causal;
    wanted.scale = scale;
    wanted.window = window;
    auto document = openTensors(file, wanted, context);
    if (!document)
        return document.error();
    const auto& info = (*document)->info();
    const auto index = findLayer(info, layer);
    if (!index)
        return index.error();
    std::optional<HeadRef> one = fallback;
    if (oneHead()) {
        const auto checked = checkHead(info, head);
        if (!checked)
            return checked.error();
        one = *checked;
    }
    auto loaded = (*document)->layer(*index, context);
    if (!loaded)
        return loaded.error();
    const Layout read = (*document)->layout().layout;
    return OpenedInput{*document, one ? inputsOf(*loaded, *one) : inputsOf(*loaded), read == Layout::BHND || read == Layout::BNHD};
}

std::shared_ptr<InputOptions> addInputOptions(CLI::App& app, const std::string& headHelp)
{
    auto options = std::make_shared<InputOptions>();
    app.add_option("--input", options->file, "A .npy, .npz or .safetensors file with q, k and v.")->required();
    app.add_option("--q", options->arrays.q, "Name of the array of queries; default q.");
    app.add_option("--k", options->arrays.k, "Name of the array of keys; default k.");
    app.add_option("--v", options->arrays.v, "Name of the array of values; default v.");
    app.add_option("--layout", options->layout, "Axes of the arrays: ND, HND, NHD, BHND or BNHD; guessed where left out.")
        ->check([](const std::string& text) {
            return layoutNamed(text) ? std::string() : "--layout can't be " + text + ": give ND, HND, NHD, BHND or BNHD";
        });
    app.add_option("--layer", options->layer, "Layer of a file that holds several; default its first one.");
    app.add_option("--head", options->head, "Batch:head counted from 0, such as 0:3; " + headHelp)->check([](const std::string& text) {
        const auto head = parseHead(text);
        return head ? std::string() : "--head can't be read: " + head.error().what;
    });
    auto* causal = app.add_flag("--causal", options->causal, "Each query sees only the keys up to its own position.");
    app.add_flag("--no-causal", options->bidirectional, "Each query sees all keys, even where the file says causal.")->excludes(causal);
    app.add_option("--window", options->window,
                   "Keys that a query sees up to its own, and as many after it unless causal; 0: all; default what the file says.")
        ->check(CLI::Range(Index{0}, Index{1} << 40));
    app.add_option("--scale", options->scale, "Scale of the logits; default 1/sqrt(D), or what the file says.")
        ->check([](const std::string& text) {
            double value = 0.0;
            const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
            return good ? std::string() : "--scale needs a finite number, not " + text;
        });
    return options;
}

} // namespace attnscope::cli
