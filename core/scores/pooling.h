// SPDX-License-Identifier: GPL-3.0-or-later
// Pools a stream of level-0 cells into max, mean, min or extreme output cells of 2^level x 2^level.
#pragma once

#include "core/scores/score_source.h"

#include <vector>

namespace attnscope {

/// Strips of cells may come in any order, each cell once; out is valid after finish(). Means are summed in double.
class PoolAccumulator {
public:
    PoolAccumulator(MatrixView<float> out, Pool pool, int level);

    /// `cells` start at (row, col), counted in cells from the first output cell's corner.
    void add(Index row, Index col, MatrixView<const float> cells);
    /// The same for cells that are all 0: O(output cells).
    void addZeros(Index row, Index col, Index rows, Index cols);
    void finish();

private:
    template <class Better>
    void addBest(Index row, Index col, MatrixView<const float> cells, Better better);
    void addMean(Index row, Index col, MatrixView<const float> cells);

    MatrixView<float> m_out;
    Pool m_pool;
    int m_level;
    std::vector<double> m_sums;
    std::vector<Index> m_counts;
    std::vector<float> m_best;        ///< of the columns of one group of rows
    std::vector<double> m_columnSums; ///< likewise
};

} // namespace attnscope
