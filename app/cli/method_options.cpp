// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/method_options.h"

#include "core/io/param_files.h"
#include "core/method/registry.h"
#include "core/session/time_estimate.h"

#include <CLI/App.hpp>

#include <iostream>

namespace attnscope::cli {

namespace {

void addSeed(CLI::App& app, MethodOptions& options)
{
    app.add_option("--seed", options.seed, "Seed of randomised methods.")->capture_default_str();
}

} // namespace

Result<MethodChoice> withFiles(MethodChoice choice)
{
    auto read = loadParamFiles(choice.method->info().params, choice.params);
    if (!read && (read.error().code == Errc::OutOfMemory || read.error().code == Errc::Cancelled))
        return read.error();
    if (!read)
        return Error{Errc::Parse, read.error().what, read.error().hint};
    return choice;
}

Result<MethodChoice> MethodOptions::choice() const
{
    const auto found = requireMethod(method);
    if (!found)
        return found.error();
    std::vector<ParamText> given;
    for (const auto& text : params) {
        auto param = parseParam(text);
        if (!param)
            return param.error();
        given.push_back(std::move(*param));
    }
    auto made = makeParams((*found)->info().params, given, seed);
    if (!made)
        return Error{made.error().code, method + ": " + made.error().what, made.error().hint};
    return withFiles({*found, std::move(*made)});
}

Result<std::vector<MethodChoice>> MethodOptions::choices() const
{
    auto parsed = parseMethodList(list, seed);
    if (!parsed)
        return parsed;
    std::vector<MethodChoice> choices;
    for (auto& choice : *parsed) {
        auto complete = withFiles(std::move(choice));
        if (!complete)
            return complete.error();
        choices.push_back(std::move(*complete));
    }
    return choices;
}

void sayIfLong(const MethodChoice& choice, const Inputs& inputs, const RunContext& context)
{
    if (!longRun(*choice.method, inputs, choice.params, context))
        return;
    const double seconds = estimateSeconds(*choice.method, inputs, choice.params, context);
    std::cerr << choice.method->info().title << " takes " << aboutTime(seconds) << " here; Ctrl+C stops it.\n";
}

std::shared_ptr<MethodOptions> addMethodOptions(CLI::App& app)
{
    auto options = std::make_shared<MethodOptions>();
    app.add_option("--method", options->method, "Id of the method; `attnscope-cli methods` lists them.")->required();
    app.add_option("--param", options->params, "key=value; may be given several times.")->allow_extra_args(false);
    addSeed(app, *options);
    return options;
}

std::shared_ptr<MethodOptions> addMethodListOptions(CLI::App& app)
{
    auto options = std::make_shared<MethodOptions>();
    app.add_option("--methods", options->list, "Methods with parameters, as in \"performer:features=256,map=trig;linformer:rank=64\".")
        ->required();
    addSeed(app, *options);
    return options;
}

} // namespace attnscope::cli
