// SPDX-License-Identifier: GPL-3.0-or-later
// Maps of one head on the device: row statistics of the exact one, and any block at any pooled level of the exact one, of a factored one
// L Rᵀ, or of their difference.
#pragma once

#include "core/base/shape.h"
#include "core/scores/score_source.h"
#include "gpu/kernels/row_statistics.h"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace attnscope::kernels {

/// What launches need to know of the card.
struct CardLimits {
    bool isHopper = false;
    int multiprocessors = 1;
    std::size_t sharedBytes = 0; ///< that one block may ask for
};

/// A [rows, width] array of float16, width a multiple of 8; in two parts (split.h) all the low ones follow all the high ones.
struct MapOperand {
    const void* data = nullptr;
    Index rows = 0;
    Index width = 0;
    const float* factor = nullptr; ///< the power of two it was multiplied by; null: none
};

struct ExactTerm {
    MapOperand q, k;
    float scale = 1.0F;
    const float* lse = nullptr; ///< for pooled maps
};

/// Rows [firstRow, lastRow), firstRow a multiple of 384, in one pass over the keys. Row i sees the first firstVisible + i keys.
/// Asynchronous.
cudaError_t launchRowStatistics(const ExactTerm& exact, Index firstVisible, int parts, const RowStatistics& to, Index firstRow,
                                Index lastRow, const CardLimits& card, cudaStream_t stream);

/// What a cell is.
enum class MapCell { Exact, Factored, FactoredMinusExact, ExactMinusFactored, AbsDifference, SquaredDifference };

struct MapProblem {
    MapCell cell = MapCell::Exact;
    int parts = 1;
    ExactTerm exact{};
    MapOperand left{}, right{}; ///< factors of the factored term
    Index firstVisible = 0;
    Block block{};
    Pool pool = Pool::Max;
    float* out = nullptr;     ///< [block.rows, block.cols]
    float* scratch = nullptr; ///< mapScratch(block) numbers
};

/// Levels from 4 on are pooled in two steps: numbers for the result of the first one.
Index mapScratch(const Block& block, Index rows, Index cols);

/// Whether the operands fit into the card's shared memory.
bool fitsMap(const MapProblem& problem, const CardLimits& card);

/// Fills out; asynchronous.
cudaError_t launchMap(const MapProblem& problem, const CardLimits& card, cudaStream_t stream);

} // namespace attnscope::kernels
