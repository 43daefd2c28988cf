// SPDX-License-Identifier: GPL-3.0-or-later
// `table performer-fig4`: the output error of random features against their number, as in figure 4 of the Performer paper.
#include "app/cli/tables.h"
#include "core/bench/statistics.h"
#include "core/inputs/generators.h"
#include "core/method/method_list.h"
#include "core/method/registry.h"

#include <algorithm>
#include <array>

namespace attnscope::cli {

namespace {

constexpr std::array<Index, 3> kFeatures{16, 64, 256};

/// The suites s1 and s2 are q and k ~ N(0, 1) and half of that; v ~ N(0, 1).
constexpr std::array<const char*, 2> kSuites{"s1", "s2"};

struct Row {
    const char* label;
    const char* method; ///< without features; empty: a baseline
    std::array<double, 6> stated;
};

/// Stated: medians over 15 draws at length 4096 and width 16, first at scale 1 and then at scale 0.5, with 16, 64, 256 features.
constexpr std::array<Row, 8> kRows{{
    {"zero output", "", {8.3e-4, 8.3e-4, 8.3e-4, 2.3e-4, 2.3e-4, 2.3e-4}},
    {"uniform", "uniform", {4.6e-4, 4.6e-4, 4.6e-4, 1.4e-5, 1.4e-5, 1.4e-5}},
    {"positive, iid", "performer:map=positive,projection=iid", {2.8e-3, 1.8e-3, 1.6e-3, 6.5e-5, 2.0e-5, 8.7e-6}},
    {"positive, orthogonal", "performer:map=positive", {2.5e-3, 1.7e-3, 1.5e-3, 4.9e-5, 2.0e-5, 6.3e-6}},
    {"hyperbolic, orthogonal", "performer:map=hyperbolic", {2.4e-3, 2.2e-3, 1.8e-3, 4.7e-5, 1.1e-5, 5.4e-6}},
    {"trig, iid", "performer:map=trig,projection=iid", {1e2, 33, 5.9, 3.6e-4, 1.9e-5, 4.8e-6}},
    {"trig, orthogonal", "performer:map=trig", {3e2, 31, 5.4, 5.8e-5, 7.3e-6, 1.7e-6}},
    {"FAVOR++, orthogonal", "performer:map=oprf", {4.3e-3, 2.6e-3, 1.6e-3, 4.1e-5, 1.3e-5, 3.3e-6}},
}};

double meanSquaredError(const Tensor& exact, const Tensor* out)
{
    double sum = 0.0;
    for (std::size_t i = 0; i < exact.values().size(); ++i) {
        const double gap = static_cast<double>(exact.values()[i]) - (out ? static_cast<double>(out->values()[i]) : 0.0);
        sum += gap * gap;
    }
    return sum / static_cast<double>(exact.size());
}

/// The errors of all rows and features on one draw of inputs and frequencies, appended to errors[row][column].
Result<void> measureDraw(const Inputs& inputs, std::size_t suite, std::uint64_t seed, std::vector<std::vector<std::vector<double>>>& errors,
                         const RunContext& context)
{
    const auto exact = findMethod("softmax")->run(inputs, {}, context);
    if (!exact)
        return exact.error();
    for (std::size_t r = 0; r < kRows.size(); ++r)
        for (std::size_t f = 0; f < kFeatures.size(); ++f) {
            auto& column = errors[r][suite * kFeatures.size() + f];
            std::string line = kRows[r].method;
            if (line.empty()) {
                column.push_back(meanSquaredError(*exact, nullptr));
                continue;
            }
            if (line.find(':') != std::string::npos)
                line += ",features=" + std::to_string(kFeatures[f]);
            const auto choice = parseMethod(line, seed);
            if (!choice)
                return choice.error();
            const auto out = choice->method->run(inputs, choice->params, context);
            if (!out)
                return out.error();
            column.push_back(meanSquaredError(*exact, &*out));
        }
    return {};
}

} // namespace

Result<MeasuredTable> performerFigure4(const TableChoice& choice, const RunContext& context)
{
    const Index length = choice.length > 0 ? choice.length : 4096;
    const Index dim = choice.dim > 0 ? choice.dim : 16;
    const Index draws = choice.draws > 0 ? choice.draws : 15;
    std::vector errors(kRows.size(), std::vector<std::vector<double>>(kSuites.size() * kFeatures.size()));
    for (Index draw = 0; draw < draws; ++draw)
        for (std::size_t s = 0; s < kSuites.size(); ++s) {
            const std::uint64_t seed = choice.seed + static_cast<std::uint64_t>(draw);
            const auto layer = generateInputs({kSuites[s], length, dim, 1, false, seed});
            if (!layer)
                return layer.error();
            const Inputs inputs{(*layer)->q.view(), (*layer)->k.view(), (*layer)->v.view(), false, 0.0F, *layer};
            if (auto done = measureDraw(inputs, s, seed, errors, context); !done)
                return done.error();
        }
    MeasuredTable table;
    table.caption = "Median over " + std::to_string(draws) + " draws of the mean squared error of the output; length " +
                    std::to_string(length) + ", width " + std::to_string(dim) +
                    ", q and k N(0, 1) times the scale, v N(0, 1). Stated are " +
                    "medians over 15 draws at length 4096 and width 16; those of trig at scale 1 or with 16 features have heavy tails and "
                    "differ by factors from seed to seed.";
    for (const char* scale : {"1", "0.5"})
        for (const Index features : kFeatures)
            table.columns.push_back("scale " + std::string(scale) + ", m = " + std::to_string(features));
    for (std::size_t r = 0; r < kRows.size(); ++r) {
        TableLine line{kRows[r].label, kRows[r].method, "", {}};
        for (std::size_t c = 0; c < errors[r].size(); ++c)
            line.cells.push_back({median(errors[r][c]), kRows[r].stated[c]});
        table.lines.push_back(std::move(line));
    }
    return table;
}

} // namespace attnscope::cli
