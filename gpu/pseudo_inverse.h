// SPDX-License-Identifier: GPL-3.0-or-later
// The pseudo-inverse of each head's small matrix on the card, as core/engine/iterative_pinv.h has it, in float64.
#pragma once

#include "gpu/kernels/landmark_middle.h"
#include "gpu/launch.h"

namespace attnscope {

/// Largest matrix whose exact inverse the card computes: one multiprocessor a head.
inline constexpr Index kLargestExactInverse = 512;

class PseudoInverse {
public:
    /// `iterations` steps, or -1 for the exact inverse; `shared`: the first inverse is scaled by the largest column sum of all heads.
    static Result<PseudoInverse> make(kernels::SquareMatrices size, int iterations, bool shared, Workspace& workspace);

    /// Where the matrices are to be put before run().
    double* matrices() const { return m_a; }

    /// The inverses [heads, size, size], when the stream has come so far.
    Result<const double*> run(Launch& launch) const;

private:
    Result<const double*> iterate(Launch& launch) const;
    Result<const double*> rotate(Launch& launch) const;

    kernels::SquareMatrices m_size;
    int m_iterations = 0;
    bool m_shared = false;
    double* m_a = nullptr;
    double* m_z = nullptr;
    double* m_x = nullptr;
    double* m_t = nullptr;
    double* m_u = nullptr;
    double* m_sums = nullptr;
    int* m_turned = nullptr;
};

} // namespace attnscope
