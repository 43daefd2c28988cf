// SPDX-License-Identifier: GPL-3.0-or-later
// Launches linear randomized attention on the current device: few proposals, each a softmax over all keys, weighed for each query.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Arrays of all query heads. o = Σ_c weight_nc values_c; see core/engine/lara.h for the weights.
struct LaraProblem {
    const void* q = nullptr; ///< [B, H, N, D] in `dtype`; likewise k [B, Hkv, M, D], v [B, Hkv, M, Dv], o [B, H, N, Dv]
    const void* k = nullptr;
    const void* v = nullptr;
    void* o = nullptr;
    const double* queryCentres = nullptr; ///< segment means [B, H, C, D]
    const double* keyCentres = nullptr;   ///< [B, Hkv, C, D]
    const float* queryMeans = nullptr;    ///< queryCentres, rounded
    float* mu = nullptr;                  ///< [B, H, C, D]
    float* values = nullptr;              ///< [B, H, C, Dv]
    float* balance = nullptr;             ///< [B, H, C]: likewise the three below
    float* density = nullptr;             ///< what a proposal's logit is less
    float* logKeys = nullptr;
    float* logFit = nullptr;
    float* scratch = nullptr; ///< laraScratch() numbers
    Shape shape;
    Index kvHeads = 1;
    Index proposals = 0;
    Index splits = 1; ///< parts of the keys that run at the same time
    float scale = 1.0F;
    bool corrected = true; ///< Optimal
    bool biased = false;
    Dtype dtype = Dtype::F32;
};

Index laraSplits(Index rows, Index proposals, Index heads, int multiprocessors);
Index laraScratch(const LaraProblem& problem);

/// mu, balance, density.
cudaError_t launchLaraCentres(const LaraProblem& problem, cudaStream_t stream);
/// values and logKeys, of heads first .. last - 1 of all B H; where `fit`, logFit.
cudaError_t launchLaraSums(const LaraProblem& problem, bool fit, Index first, Index last, cudaStream_t stream);
/// o of those heads.
cudaError_t launchLaraQueries(const LaraProblem& problem, Index first, Index last, cudaStream_t stream);

} // namespace attnscope::kernels
