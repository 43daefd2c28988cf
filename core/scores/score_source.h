// SPDX-License-Identifier: GPL-3.0-or-later
// An n x n score matrix that is never stored: any block of it, at any pooling level, computed on demand.
#pragma once

#include "core/base/result.h"
#include "core/base/run_context.h"
#include "core/base/tensor.h"

#include <string_view>

namespace attnscope {

/// Extreme: the value farthest from zero with its sign, so that an error map shows overshoot and undershoot alike.
enum class Pool { Max, Mean, Min, Extreme };

/// What a result is worth: said on every pane, table and export.
enum class Provenance { Exact, Implied, Fitted, Sampled, Estimated, Extrapolated };

std::string_view toString(Pool pool);             ///< "max"
std::string_view toString(Provenance provenance); ///< "implied"

/// A block of output cells at level L: output cell (r, c) pools the cells [r 2^L, (r+1) 2^L) x [c 2^L, (c+1) 2^L),
/// cut at the matrix' border. row0, col0, rows and cols count output cells.
struct Block {
    Index row0 = 0;
    Index col0 = 0;
    Index rows = 0;
    Index cols = 0;
    int level = 0;

    bool operator==(const Block&) const = default;
};

/// Output cells along an axis of `cells` cells at a level: ceil(cells / 2^level).
constexpr Index pooledSize(Index cells, int level) { return (cells + (Index{1} << level) - 1) >> level; }

/// Thread-safe; read() may be called from several workers at once.
class ScoreSource {
public:
    virtual ~ScoreSource() = default;

    virtual Index rows() const = 0; ///< queries
    virtual Index cols() const = 0; ///< keys
    virtual Provenance provenance() const = 0;

    /// The keys that query `row` may see; all where nothing is masked. Masked cells read as 0. Neither end decreases from row to
    /// row, so that the rows [i, j) see no key outside [visible(i).first, visible(j - 1).last).
    virtual KeyRange visible(Index row) const { return (void)row, KeyRange{0, cols()}; }

    /// The smallest range of keys outside which the rows [row0, row0 + rowCount) see nothing; cut at the map's last row.
    KeyRange visibleToAny(Index row0, Index rowCount) const;

    /// Whether all these cells (level 0) are known to be 0 without computing them: masked, or outside a sparse support.
    /// Pooled reads skip such regions. The default knows the mask alone.
    virtual bool isZero(Index row0, Index col0, Index rowCount, Index colCount) const;

    /// Fills out [block.rows, block.cols]. InvalidShape where the block leaves the matrix, Cancelled when stopped.
    Result<void> read(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const;

    /// One cell at level 0.
    Result<float> cell(Index row, Index col) const;

protected:
    /// Level 0: fills out [rows, cols] = scores[row0 .. row0+rows, col0 .. col0+cols).
    virtual Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const = 0;

    /// Level > 0. The default reads strips of cells and pools them, large blocks on all threads of the context; a source that knows a
    /// faster exact way overrides it.
    virtual Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const;

private:
    Result<void> poolPart(const Block& part, Pool pool, MatrixView<float> out, const RunContext& context) const;
};

} // namespace attnscope
