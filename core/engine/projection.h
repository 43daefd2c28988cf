// SPDX-License-Identifier: GPL-3.0-or-later
// The random projections of feature maps: the rows of W [count, dim] are the frequencies w_r.
#pragma once

#include "core/base/run_context.h"
#include "core/base/tensor.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace attnscope {

enum class Projection {
    Orthogonal,            ///< blocks of dim rows of a Haar orthogonal matrix, each row times an independent chi(dim) length
    Iid,                   ///< every entry N(0, 1)
    OrthogonalAsPublished, ///< as Orthogonal, but with the signs that LAPACK's QR happens to leave: not Haar, hence biased
    OrthogonalRegularized, ///< as Orthogonal, but every row of length sqrt(dim): another kernel, below exp(x . y)
    Hadamard,              ///< rows of sqrt(p) H D1 H D2 H D3, p the power of two from dim on, times chi(p) / sqrt(p); first dim columns
};

/// "orthogonal", "iid", "orthogonal-as-published", "orthogonal-regularized", "hadamard"; Orthogonal for anything else.
Projection projectionOf(std::string_view name);

/// W as a [1, 1, count, dim] tensor; the same for the same seed everywhere, and independent of other seeds.
/// Choromanski et al., Rethinking Attention with Performers, ICLR 2021, arXiv:2009.14794, section 2.4; the sign of a Haar
/// matrix from QR: Mezzadri, How to generate random matrices from the classical compact groups, 2007. Hadamard: Yu et al.,
/// Orthogonal Random Features, NeurIPS 2016, arXiv:1610.09072 (SORF), which is unbiased only in the limit of large dim.
Tensor drawProjection(Projection kind, Index count, Index dim, std::uint64_t seed);

/// As drawProjection; the latest few are kept, so that a slider or a timing loop does not draw the same one again.
std::shared_ptr<const Tensor> sharedProjection(Projection kind, Index count, Index dim, std::uint64_t seed);

/// Linformer's random projection R [1, 1, rank, keys] with entries N(0, 1/rank); kept like the others. Null when stopped.
std::shared_ptr<const Tensor> sharedGaussian(Index rank, Index keys, std::uint64_t seed, const RunContext& context);

} // namespace attnscope
