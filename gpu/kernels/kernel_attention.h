// SPDX-License-Identifier: GPL-3.0-or-later
// Launches kernel attention on the current device: feature map, product with the values and normalisation without n x m storage.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Feature maps that the kernels know; x is a row of q or k, p = factor W x (or factor x where there is no W).
enum class MapKind {
    Elu,       ///< elu(x) + 1
    Relu,      ///< max(p, 0) + floor
    Exp,       ///< exp(p - half |x|² + bias)
    ExpPair,   ///< exp(-half |x|²) [exp(p), exp(-p)]
    Trig,      ///< exp(half |x|²) [cos p, sin p]
    Cosine,    ///< act(x) [sin a, cos a], a = pi place / (2 reach)
    Hedgehog,  ///< [exp(p - above), exp(-p - below)] with row statistics above and below
    Taylor,    ///< [1, y, y_a² / sqrt2, y_a y_b (a < b)], y = p
    Softmaxes, ///< softmax of p over a query's features and over the positions of a key's feature
};

/// A feature map; pointers are to the device. Where `perHead`, each query head has its own W, bias and so on, one after the other.
struct CardMap {
    MapKind kind = MapKind::Elu;
    bool clamps = false;         ///< sums of at least 1e-6, as cosFormer's code has them
    Index features = 0;          ///< columns of phi
    Index count = 0;             ///< rows of W, or columns of x where there is no W
    const float* wq = nullptr;   ///< [heads or 1, count, dim]; of queries
    const float* wk = nullptr;   ///< of keys
    const float* bias = nullptr; ///< [heads or 1, count], Exp alone
    bool perHead = false;
    bool eluActivation = false; ///< Cosine: act = elu + 1 in place of relu
    int hedgehog = 0;           ///< 0: softmax, 1: exp less the extreme, 2: exp unshifted
    float factor = 1.0F;
    float half = 0.0F; ///< 0 where |x|² plays no part
    float floor = 1e-3F;
    Index reach = 1;
    bool official = false;             ///< Exp, ExpPair, Trig: the published stabilisation (OfficialEps in random_features.h)
    const float* keyTops = nullptr;    ///< [heads] where official: the largest p of all keys
    const float* logFactors = nullptr; ///< [heads] where official: of what sums are multiplied by before they are guarded
    bool isFiltered = false;           ///< Softmaxes: queries' features times sum_l theta_l T_l(sigma), l <= filterOrder
    int filterOrder = 0;
    const double* theta = nullptr;      ///< [heads, order + 1]
    const double* recurrence = nullptr; ///< [order + 1, 3]: T_l = (a x + b) T_(l-1) - c T_(l-2)
    int sigma = 0;                      ///< sigmoid of 0: 0, 1: q, 2: |q|, 3: q k of the same place, 4: `entries`
    const float* entries = nullptr;     ///< [heads, N, D]
};

struct KernelProblem {
    const void* q = nullptr; ///< [B, H, N, D], contiguous, on the device; likewise k [B, Hkv, M, D], v [B, Hkv, M, Dv]
    const void* k = nullptr;
    const void* v = nullptr;
    void* o = nullptr; ///< [B, H, N, Dv]
    Shape shape;
    Index kvHeads = 1;
    Dtype dtype = Dtype::F32; ///< of q, k, v and o; TF32 counts as F32
    bool causal = false;      ///< query i sees the keys j <= i + (M - N)
    CardMap map;
};

/// Bytes of device memory that launchKernelAttention needs beside its inputs.
std::size_t kernelAttentionBytes(const KernelProblem& problem);

/// Asynchronous; `workspace` [kernelAttentionBytes] may be reused once the stream got that far. cudaErrorInvalidValue where rows are
/// wider than kKernelMaxDim.
cudaError_t launchKernelAttention(const KernelProblem& problem, void* workspace, cudaStream_t stream);

inline constexpr Index kKernelMaxDim = 256;

/// The kernels between which launchKernelAttention chooses: of 16-bit inputs on tensor cores, and of everything.
bool fitsElementwise(const KernelProblem& problem);
std::size_t elementwiseBytes(const KernelProblem& problem);
cudaError_t launchElementwise(const KernelProblem& problem, void* workspace, cudaStream_t stream);
bool fitsRandomFeatures(const KernelProblem& problem);
std::size_t randomFeatureBytes(const KernelProblem& problem);
cudaError_t launchRandomFeatures(const KernelProblem& problem, void* workspace, cudaStream_t stream);
bool fitsCausal(const KernelProblem& problem); ///< of the current device too
std::size_t causalBytes(const KernelProblem& problem);
cudaError_t launchCausal(const KernelProblem& problem, void* workspace, cudaStream_t stream);
std::size_t generalBytes(const KernelProblem& problem);
cudaError_t launchGeneral(const KernelProblem& problem, void* workspace, cudaStream_t stream);

/// Parts into which `keys` rows of `units` heads are cut, so that about `blocks` blocks of work come out; each part is a multiple of
/// `step` rows, which is what *rows says.
Index splitKeys(Index keys, Index units, Index blocks, Index step, Index* rows);

} // namespace attnscope::kernels
