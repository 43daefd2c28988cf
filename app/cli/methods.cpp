// SPDX-License-Identifier: GPL-3.0-or-later
// `methods`: the list of all methods, the help page of one, or both as JSON.
#include "app/cli/command.h"
#include "app/cli/exit_code.h"
#include "app/cli/output.h"
#include "core/method/registry.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <iomanip>
#include <iostream>
#include <sstream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::string id;
    bool json = false;
};

Json parameterJson(const ParamSpec& spec)
{
    Json json{{"key", spec.key}};
    if (spec.kind == ParamKind::Number) {
        const auto number = [&spec](double value) { return spec.integer ? Json(static_cast<std::int64_t>(value)) : Json(value); };
        json["default"] = number(spec.initial);
        json["min"] = number(spec.min);
        json["max"] = number(spec.max);
    } else {
        json["default"] = spec.kind == ParamKind::Choice && !spec.choices.empty() ? Json(spec.choices.front()) : Json(nullptr);
        json["min"] = nullptr;
        json["max"] = nullptr;
    }
    json["choices"] = spec.choices;
    return json;
}

Json methodJson(const MethodInfo& info)
{
    Json parameters = Json::array();
    for (const auto& spec : info.params)
        parameters.push_back(parameterJson(spec));
    return {{"id", info.id},         {"title", info.title},
            {"family", info.family}, {"causal", info.supportsCausal},
            {"exact", info.exact},   {"parameters", std::move(parameters)}};
}

/// 65536, not 6.554e+04.
std::string numberText(double value)
{
    std::ostringstream text;
    text << std::setprecision(12) << value;
    return text.str();
}

std::string rangeText(const ParamSpec& spec)
{
    switch (spec.kind) {
    case ParamKind::Number:
        return (spec.integer ? "whole number, " : "number, ") + numberText(spec.min) + " to " + numberText(spec.max) + ", default " +
               numberText(spec.initial);
    case ParamKind::File:
        return "file (.npy, .npz or .safetensors), default none";
    case ParamKind::Choice:
        break;
    }
    std::string text;
    for (const auto& choice : spec.choices)
        text += (text.empty() ? "" : ", ") + choice;
    return text + "; default " + (spec.choices.empty() ? "none" : spec.choices.front());
}

std::string formsOf(const MethodInfo& info)
{
    if (!info.supportsCausal)
        return "bidirectional";
    return info.supportsBidirectional ? "causal and bidirectional" : "causal";
}

void printPage(const MethodInfo& info)
{
    std::cout << info.id << " - " << info.title << "\n\n" << info.summary << "\n\n    " << info.formula << "\n\n";
    std::cout << "Family     " << info.family << (info.exact ? " (exact up to rounding)" : "") << '\n'
              << "Forms      " << formsOf(info) << '\n'
              << "Time       " << info.timeGrowth << '\n'
              << "Memory     " << info.memoryGrowth << '\n'
              << "Reference  " << info.reference << '\n';
    if (info.mapIsQuadratic)
        std::cout << "Note       takes time n² even for the output: a line to compare with, not an approximation to use\n";
    if (!info.params.empty())
        std::cout << "\nParameters (--param key=value)\n";
    for (const auto& spec : info.params) {
        std::cout << "  " << spec.key << ": " << rangeText(spec) << (spec.unit.empty() ? "" : " [" + spec.unit + "]") << '\n';
        if (!spec.help.empty())
            std::cout << "      " << spec.help << '\n';
    }
    if (info.randomised)
        std::cout << "  --seed N: draws the random projection\n";
}

void printList()
{
    Table table({"id", "family", "forms", "time", "parameters", "title"}, 6);
    for (const auto& method : allMethods()) {
        const auto& info = method->info();
        std::string keys;
        for (const auto& spec : info.params)
            keys += (keys.empty() ? "" : ",") + spec.key;
        table.add({info.id, info.family, formsOf(info), info.timeGrowth, keys.empty() ? "-" : keys, info.title});
    }
    table.print();
    std::cout << "\n`attnscope-cli methods ID` explains one.\n";
}

int runMethods(const Options& options)
{
    const AttentionMethod* one = nullptr;
    if (!options.id.empty()) {
        const auto found = requireMethod(options.id);
        if (!found)
            return failUsage(found.error());
        one = *found;
    }
    if (options.json) {
        Json list = Json::array();
        for (const auto& method : allMethods())
            if (one == nullptr || method.get() == one)
                list.push_back(methodJson(method->info()));
        printJson({{"methods", std::move(list)}});
    } else if (one != nullptr) {
        printPage(one->info());
    } else {
        printList();
    }
    return kOk;
}

} // namespace

Command addMethods(CLI::App& parser)
{
    auto* app = parser.add_subcommand("methods", "List the methods, or explain one.");
    auto options = std::make_shared<Options>();
    app->add_option("id", options->id, "The method to explain.");
    app->add_flag("--json", options->json, "One JSON document on stdout.");
    return {app, [options](const RunContext&) { return runMethods(*options); }};
}

} // namespace attnscope::cli
