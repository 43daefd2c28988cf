// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax attention of a block of queries in bfloat16: as streamQueries, with products by the processor's bfloat16 unit.
#pragma once

#include "core/compute/bf16_product.h"
#include "core/compute/streaming_softmax.h"

#include <hwy/aligned_allocator.h>

namespace attnscope {

/// Keys of a tile.
inline constexpr Index kBf16Keys = 128;

/// Blocks of kBf16Columns queries that meet a tile of keys while it is in the first cache levels.
inline constexpr Index kBf16Panels = 4;

/// One head's matrix, rounded to bfloat16 and padded with zeros to whole tiles of rows and whole steps of columns.
class Bf16Matrix {
public:
    Bf16Matrix() = default;
    Bf16Matrix(Index rows, Index cols);
    explicit Bf16Matrix(MatrixView<const float> values);

    Index rows() const { return m_rows; }
    Index cols() const { return m_cols; }
    Index stride() const { return m_stride; } ///< columns with the padding
    const Bf16* row(Index i) const { return m_data.get() + i * m_stride; }
    Bf16* row(Index i) { return m_data.get() + i * m_stride; }

private:
    Index m_rows = 0;
    Index m_cols = 0;
    Index m_stride = 0;
    hwy::AlignedFreeUniquePtr<Bf16[]> m_data;
};

/// What turns V [M, Dv] into what the second product reads: tiles of kBf16Keys keys, each [stride, kBf16Keys].
void transposeTile(const Bf16Matrix& v, Index tile, Bf16* to);

/// One head's problem. q [N, D], k [M, D]; support without global keys.
struct Bf16Task {
    const Bf16Matrix* q = nullptr;
    const Bf16Matrix* k = nullptr;
    const Bf16* vTiles = nullptr; ///< of transposeTile, one after the other
    Index valueStride = 0;        ///< rows of such a tile
    float scale = 1.0F;           ///< above 0
    KeySupport support;
};

/// The queries [first, first + count) into those rows of `out` [N, Dv]; count at most kBf16Panels kBf16Columns. Logits, maxima and sums are
/// float32; the weights are rounded to bfloat16 before they meet V, as in Dao et al., arXiv:2205.14135. Rows that see nothing become 0.
/// Only where bf16Unit() is not None.
void streamQueriesBf16(const Bf16Task& task, Index first, Index count, Bf16Matrix& out);

} // namespace attnscope
