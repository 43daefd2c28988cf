// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/pseudo_inverse.h"

#include <utility>

namespace attnscope {

namespace {

constexpr int kMostSweeps = 20;
constexpr Index kLongSteps = 512; // from this size on a step takes so long that it's asked whether to stop

} // namespace

Result<PseudoInverse> PseudoInverse::make(kernels::SquareMatrices size, int iterations, bool shared, Workspace& workspace)
{
    PseudoInverse made;
    made.m_size = size;
    made.m_iterations = iterations;
    made.m_shared = shared;
    for (double** to : {&made.m_a, &made.m_z, &made.m_x, &made.m_t, &made.m_u}) {
        auto memory = workspace.take<double>(size.heads * size.size * size.size);
        if (!memory)
            return memory.error();
        *to = *memory;
    }
    auto sums = workspace.take<double>(size.heads);
    auto turned = workspace.take<int>(size.heads * kMostSweeps);
    if (!sums || !turned)
        return sums ? turned.error() : sums.error();
    made.m_sums = *sums;
    made.m_turned = *turned;
    return made;
}

Result<const double*> PseudoInverse::run(Launch& launch) const
{
    if (m_iterations < 0)
        return rotate(launch);
    if (m_size.size > kernels::kSmallInverse || launch.device().sharedBytes < kernels::smallInverseBytes())
        return iterate(launch);
    const auto status = kernels::launchSmallInverse(m_a, m_z, m_sums, m_size, m_iterations, m_shared, launch.stream());
    if (auto done = checkCuda(status, "inverting"); !done)
        return done.error();
    return static_cast<const double*>(m_z);
}

/// Z/4 (13 I - A Z (15 I - A Z (7 I - A Z))), each product with its sum.
Result<const double*> PseudoInverse::iterate(Launch& launch) const
{
    double* z = m_z;
    double* next = m_t;
    auto status = kernels::launchFirstInverse(m_a, z, m_sums, m_size, m_shared, launch.stream());
    const auto multiply = [&](const kernels::SquareProduct& product) {
        if (status == cudaSuccess)
            status = kernels::launchSquareProduct(product, m_size, launch.stream());
    };
    for (int i = 0; i < m_iterations; ++i) {
        if (m_size.size >= kLongSteps)
            if (auto go = launch.checkpoint(static_cast<double>(i) / m_iterations); !go)
                return go.error();
        multiply({m_a, z, m_x});
        multiply({m_x, m_x, next, 15.0, -1.0, 7.0, true});
        multiply({m_x, next, m_u, 13.0, -1.0});
        multiply({z, m_u, next, 0.0, 0.25});
        std::swap(z, next);
    }
    if (auto done = checkCuda(status, "inverting"); !done)
        return done.error();
    return static_cast<const double*>(z);
}

Result<const double*> PseudoInverse::rotate(Launch& launch) const
{
    double* g = m_x;
    double* v = m_t;
    auto status = kernels::launchJacobiStart(m_a, g, v, m_size, launch.stream());
    for (int sweep = 0; sweep < kMostSweeps && status == cudaSuccess; ++sweep) {
        if (m_size.size >= kLongSteps / 4)
            if (auto go = launch.checkpoint(static_cast<double>(sweep) / kMostSweeps); !go)
                return go.error();
        int* turned = m_turned + sweep * m_size.heads;
        status = kernels::launchJacobiSweep(g, v, sweep == 0 ? nullptr : turned - m_size.heads, turned, m_size, launch.stream());
    }
    if (status == cudaSuccess)
        status = kernels::launchJacobiEnd(g, v, m_u, m_size, launch.stream());
    if (status == cudaSuccess)
        status = kernels::launchSquareProduct({m_u, g, m_z}, m_size, launch.stream());
    if (auto done = checkCuda(status, "inverting"); !done)
        return done.error();
    return static_cast<const double*>(m_z);
}

} // namespace attnscope
