// SPDX-License-Identifier: GPL-3.0-or-later
// `table prefill-decode`: published times of reading and writing at several lengths beside what the formulas predict.
#include "app/cli/tables.h"
#include "core/stack/published_comparison.h"

#include <algorithm>

namespace attnscope::cli {

namespace {

/// One line a series and quantity, one column a length.
void addRun(MeasuredTable& table, const ComparedRun& run)
{
    const auto label = run.series + (run.quantity == "prefill" ? ", a prompt, ms" : ", a step, ms");
    auto line = std::find_if(table.lines.begin(), table.lines.end(), [&](const auto& each) { return each.label == label; });
    if (line == table.lines.end())
        line = table.lines.insert(table.lines.end(), TableLine{label, {}, {}, {}});
    line->cells.push_back({run.predictedMs, run.publishedMs});
    const auto column = std::to_string(static_cast<Index>(run.n));
    if (std::find(table.columns.begin(), table.columns.end(), column) == table.columns.end())
        table.columns.push_back(column);
}

} // namespace

Result<MeasuredTable> prefillDecodeTable()
{
    const auto studies = publishedStudies();
    if (!studies)
        return studies.error();
    const auto card = findCard("h100-calibrated");
    if (!card)
        return card.error();
    const auto runs = comparePrefillAndDecode(*studies, *card);
    if (!runs)
        return runs.error();
    MeasuredTable table;
    table.word = "predicted";
    for (const auto& run : *runs)
        addRun(table, run);
    const auto study = std::find_if(studies->begin(), studies->end(), [](const auto& s) { return s.id == "mamba3-prefill-decode"; });
    table.caption = "Reading a prompt of n tokens, and one step while n more are written; batch 128 on one H100.\n" + card->reference +
                    "\n" + (study == studies->end() ? std::string() : "What differs besides the mixer: " + study->differs);
    return table;
}

} // namespace attnscope::cli
