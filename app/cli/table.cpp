// SPDX-License-Identifier: GPL-3.0-or-later
// `table`: published tables measured again on this machine, or predicted, each value beside the stated one and their ratio.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/output.h"
#include "app/cli/tables.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::shared_ptr<ContextOptions> context;
    std::string name;
    TableChoice choice;
    bool json = false;
};

Json tableJson(const std::string& name, const MeasuredTable& table)
{
    Json lines = Json::array();
    for (const auto& line : table.lines) {
        Json cells = Json::array();
        for (const auto& cell : line.cells)
            cells.push_back({{table.word, cell.measured}, {"stated", cell.stated}, {"ratio", cell.measured / cell.stated}});
        lines.push_back({{"label", line.label},
                         {"method", line.method.empty() ? Json(nullptr) : Json(line.method)},
                         {"note", line.note.empty() ? Json(nullptr) : Json(line.note)},
                         {"cells", std::move(cells)}});
    }
    return {{"table", name}, {"caption", table.caption}, {"columns", table.columns}, {"lines", std::move(lines)}};
}

void printTable(const MeasuredTable& measured)
{
    std::cout << measured.caption << "\nEach cell: " << measured.word << ", stated, ratio.\n\n";
    std::vector<std::string> header{""};
    for (const auto& column : measured.columns)
        header.insert(header.end(), {column, "stated", "ratio"});
    Table table(std::move(header));
    for (const auto& line : measured.lines) {
        if (!line.note.empty())
            continue;
        std::vector<std::string> row{line.label};
        for (const auto& cell : line.cells)
            row.insert(row.end(), {shortNumber(cell.measured), shortNumber(cell.stated), shortNumber(cell.measured / cell.stated)});
        table.add(std::move(row));
    }
    table.print();
    for (const auto& line : measured.lines)
        if (!line.note.empty())
            std::cout << "\nLeft out: " << line.label << ". " << line.note << '\n';
}

int runTable(const Options& options, const RunContext& given)
{
    const RunContext context = options.context->apply(given);
    const auto table = options.name == "orientation"      ? orientationTable(options.choice, context)
                       : options.name == "prefill-decode" ? prefillDecodeTable()
                                                          : performerFigure4(options.choice, context);
    if (!table)
        return fail(table.error());
    if (options.json)
        printJson(tableJson(options.name, *table));
    else
        printTable(*table);
    return kOk;
}

} // namespace

Command addTable(CLI::App& parser)
{
    auto* app = parser.add_subcommand("table", "Measure or predict a published table again: each value beside the stated one.");
    auto options = std::make_shared<Options>();
    app->add_option("NAME", options->name,
                    "performer-fig4: output error of random features by their number; orientation: map error of the methods on four input "
                    "suites; prefill-decode: published times of whole models beside predicted ones (takes no sizes).")
        ->required()
        ->check(CLI::IsMember({"performer-fig4", "orientation", "prefill-decode"}));
    app->add_option("--length", options->choice.length, "Tokens (default: as published).")->check(CLI::Range(2, 1 << 20));
    app->add_option("--dim", options->choice.dim, "Width of a head (default: as published).")->check(CLI::Range(1, 1024));
    app->add_option("--draws", options->choice.draws, "Seeds whose median is shown (default: 15 and 1).")->check(CLI::Range(1, 10000));
    app->add_option("--seed", options->choice.seed, "The first seed.")->capture_default_str();
    options->context = addContextOptions(*app, false);
    app->add_flag("--json", options->json, "One JSON document on stdout.");
    return {app, [options](const RunContext& context) { return runTable(*options, context); }};
}

} // namespace attnscope::cli
