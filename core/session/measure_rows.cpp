// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/measure_rows.h"

#include "core/compute/dense.h"
#include "core/scores/selected_rows.h"

#include <algorithm>

namespace attnscope {

namespace {

/// Of long inputs, whose exact output isn't kept: rows of the exact map times V.
Result<Tensor> exactOutputs(const Comparison& comparison, const std::vector<Index>& rows, const RunContext& context)
{
    const auto values = comparison.inputs.vOf({});
    Tensor outputs(1, 1, static_cast<Index>(rows.size()), values.cols);
    Tensor weights(1, 1, 1, values.rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (auto done = comparison.exact.map->read({rows[i], 0, 1, values.rows, 0}, Pool::Mean, weights.matrix(), context); !done)
            return done.error();
        gemmNN(weights.matrix(), values, outputs.matrix().rowRange(static_cast<Index>(i), 1));
    }
    return outputs;
}

} // namespace

Result<ComparisonMetrics> measureRows(const Comparison& comparison, const std::vector<Index>& rows, const RunContext& context)
{
    const auto all = comparison.exact.map->rows();
    if (rows.empty() || !std::ranges::is_sorted(rows) || rows.front() < 0 || rows.back() >= all)
        return Error{Errc::InvalidParam, "The chosen queries are not in the map.",
                     "Choose queries from 0 to " + std::to_string(all - 1) + "."};
    auto map = compareMaps(*selectRows(comparison.exact.map, rows), *selectRows(comparison.approximation.map, rows), context);
    if (!map)
        return map.error();
    map->maxAbsRow = rows[static_cast<std::size_t>(map->maxAbsRow)];
    const auto chosen = [&rows](const Tensor& output) {
        Tensor some(1, 1, static_cast<Index>(rows.size()), output.cols());
        for (std::size_t i = 0; i < rows.size(); ++i)
            std::ranges::copy(output.matrix().rowSpan(rows[i]), some.matrix().row(static_cast<Index>(i)));
        return some;
    };
    auto exactRows = comparison.exact.output ? Result<Tensor>(chosen(*comparison.exact.output)) : exactOutputs(comparison, rows, context);
    if (!exactRows)
        return exactRows.error();
    const Tensor exact = *std::move(exactRows);
    const Tensor approximate = chosen(*comparison.approximation.output);
    auto output = compareOutputs(exact.matrix(), approximate.matrix());
    if (!output)
        return output.error();
    return ComparisonMetrics{*std::move(map), *output};
}

} // namespace attnscope
