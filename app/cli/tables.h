// SPDX-License-Identifier: GPL-3.0-or-later
// Published tables that `table` measures again: each cell beside what is stated for it.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/shape.h"

#include <cstdint>
#include <string>
#include <vector>

namespace attnscope::cli {

/// Sizes of a table; 0 stands for the table's own.
struct TableChoice {
    Index length = 0;
    Index dim = 0;
    Index draws = 0;
    std::uint64_t seed = 0;
};

struct TableCell {
    double measured = 0.0;
    double stated = 0.0; ///< 0: nothing is
};

struct TableLine {
    std::string label;
    std::string method; ///< as `compare` takes it; empty for baselines
    std::string note;   ///< why the line has no cells; empty where it has
    std::vector<TableCell> cells;
};

struct MeasuredTable {
    std::string caption;           ///< what is measured, with which sizes
    std::string word = "measured"; ///< what a cell's first number is
    std::vector<std::string> columns;
    std::vector<TableLine> lines;
};

/// Median mean squared error of the output by features, for the maps of the Performer at two input scales.
Result<MeasuredTable> performerFigure4(const TableChoice& choice, const RunContext& context);

/// Relative Frobenius error of the map, by method and input suite; methods or parameters that are not there get a note.
Result<MeasuredTable> orientationTable(const TableChoice& choice, const RunContext& context);

/// Milliseconds of a Transformer and of recurrent models as Mamba-3's authors published them, predicted on a calibrated card.
Result<MeasuredTable> prefillDecodeTable();

} // namespace attnscope::cli
