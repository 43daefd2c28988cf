// SPDX-License-Identifier: GPL-3.0-or-later
// `methods`: the list of all methods, the help page of one, or both as JSON.
#include "app/cli/command.h"
#include "app/cli/exit_code.h"
#include "app/cli/output.h"
#include "core/method/method_help.h"
#include "core/method/registry.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <iomanip>
#include <iostream>

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
    return {{"id", info.id},
            {"title", info.title},
            {"family", info.family},
            {"causal", info.supportsCausal},
            {"bidirectional", info.supportsBidirectional},
            {"exact", info.exact},
            {"summary", info.summary},
            {"formula", info.formula},
            {"assumes", info.assumes},
            {"loses", info.loses},
            {"learned", info.learned},
            {"time", info.timeGrowth},
            {"memory", info.memoryGrowth},
            {"source", info.reference},
            {"parameters", std::move(parameters)}};
}

void printPage(const AttentionMethod& method)
{
    const MethodHelp help = helpOf(method);
    std::cout << method.info().id << " - " << help.title << " (" << familyTitle(method.info().family) << ")\n\n"
              << help.summary << "\n\n    " << help.formula << "\n\n";
    for (const auto& [heading, text] : help.sections)
        std::cout << std::left << std::setw(9) << heading << text << '\n';
    if (!help.params.empty())
        std::cout << "\nParameters (--param key=value; --seed N)\n";
    for (const auto& param : help.params)
        std::cout << "  " << param.key << ": " << param.range << "\n      " << param.help << '\n';
}

void printList()
{
    Table table({"id", "family", "forms", "time", "parameters", "title"}, 6);
    for (const auto& method : allMethods()) {
        const auto& info = method->info();
        std::string keys;
        for (const auto& spec : info.params)
            keys += (keys.empty() ? "" : ",") + spec.key;
        table.add({info.id, info.family, maskText(info), info.timeGrowth, keys.empty() ? "-" : keys, info.title});
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
        printPage(*one);
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
