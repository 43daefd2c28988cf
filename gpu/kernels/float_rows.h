// SPDX-License-Identifier: GPL-3.0-or-later
// Launches passes that make float32 rows of an array in any number format, and that bring float32 outputs back to it.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// to [B, heads, front + rows, cols + extra] = from [B, fromHeads, rows, cols]: `front` (0 or 1) rows of frontValue come first, and an
/// extra column (0 or 1) holds 0 in them and 1 in the others.
struct RowCopy {
    const void* from = nullptr;
    float* to = nullptr;
    Index batch = 1;
    Index heads = 1;
    Index fromHeads = 1; ///< divides `heads`
    Index rows = 0;
    Index cols = 0;
    Index front = 0;
    Index extra = 0;
    float frontValue = 0.0F;
    Dtype dtype = Dtype::F32;
};
cudaError_t launchRowCopy(const RowCopy& copy, cudaStream_t stream);

/// Parts of a head whose norms are added up apart.
inline constexpr int kNormParts = 64;

/// sums [units, kNormParts]: of |x_i| over parts of the rows of x [units, rows, cols].
cudaError_t launchNormSums(const void* x, double* sums, Index units, Index rows, Index cols, Dtype dtype, cudaStream_t stream);

/// to [B, heads, rows, cols] = sqrt(tau) x / (|x| + padding) of x [B, fromHeads, rows, cols], zeros where x and padding are.
struct UnitRows {
    RowCopy copy;
    float padding = 0.0F;
    float tau = 0.0F;              ///< where 0: scale times the mean norms of the head's queries and keys
    const double* qSums = nullptr; ///< [B heads, kNormParts]
    const double* kSums = nullptr; ///< [B kvHeads, kNormParts]
    Index kvHeads = 1;
    Index queries = 0;
    Index keys = 0;
    float scale = 1.0F;
};
cudaError_t launchUnitRows(const UnitRows& rows, cudaStream_t stream);

/// o [rows, cols] in `dtype` = from [rows, cols + 1] over max(t, 1 - t) with t the last column; where `plain`, from [rows, cols] itself.
cudaError_t launchFinishRows(const float* from, void* o, Index rows, Index cols, bool plain, Dtype dtype, cudaStream_t stream);

/// o [count] *= factor.
cudaError_t launchScaleRows(void* o, Index count, float factor, Dtype dtype, cudaStream_t stream);

} // namespace attnscope::kernels
