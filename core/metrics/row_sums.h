// SPDX-License-Identifier: GPL-3.0-or-later
// What the error metrics need of each row of two maps, added up over rows. Private to core/metrics.
#pragma once

#include "core/metrics/metrics.h"

#include <functional>
#include <span>

namespace attnscope {

/// Sums over some rows; folded in the order of rows, so that the result does not depend on threads.
struct RowSums {
    double gapSquares = 0.0;
    double exactSquares = 0.0;
    double maxAbs = 0.0;
    Index maxAbsRow = 0;
    Index maxAbsCol = 0;
    double totalVariation = 0.0;
    double kl = 0.0;
    Index negative = 0; ///< weights of the approximation where A has mass
    Index zero = 0;
    std::array<double, kRecallSizes.size()> recall{};
    double entropyDifference = 0.0;
    double rowSumDeviation = 0.0;
    double negativeMass = 0.0;

    void fold(const RowSums& next);
};

/// Where a row of cells begins in the map.
struct Cell {
    Index row = 0;
    Index col = 0;
};

/// Everything but recall.
void addRow(std::span<const float> exact, std::span<const float> approximate, Cell start, RowSums& sums);

/// Called with each whole row of the exact map.
using UseRow = std::function<void(Index row, std::span<const float> exact)>;

/// The rows [first, first + rows) of two maps of equal size.
Result<RowSums> compareRows(const ScoreSource& exact, const ScoreSource& approximation, Index first, Index rows, const RunContext& context,
                            const UseRow& use = {});

/// Why there is no KL; empty where there is.
std::string klReason(const RowSums& sums);

/// InvalidShape of a `what` ("map", "output").
Error sizesDiffer(const char* what, Index rows, Index cols, Index otherRows, Index otherCols);

} // namespace attnscope
