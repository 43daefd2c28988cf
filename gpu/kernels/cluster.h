// SPDX-License-Identifier: GPL-3.0-or-later
// Hopper's clusters of blocks as functions: barriers and copies across them (PTX ISA, sm_90).
#pragma once

#include "gpu/kernels/hopper.h"

namespace attnscope::kernels::hopper {

__device__ inline unsigned rankInCluster()
{
    unsigned rank = 0;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

/// Until all threads of all blocks of the cluster are here.
__device__ inline void syncCluster()
{
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

/// Arrives at the barrier in this place of the block of that rank.
__device__ inline void arriveAt(Barrier& barrier, unsigned rank)
{
    asm volatile("{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\n"
                 "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n}" ::"r"(sharedAddress(&barrier)),
                 "r"(rank)
                 : "memory");
}

/// As Barrier::wait, for arrivals from all blocks of the cluster.
__device__ inline void waitForCluster(Barrier& barrier, unsigned parity)
{
    asm volatile("{\n.reg .pred p;\nWAIT:\nmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], %1;\n"
                 "@p bra DONE;\nbra WAIT;\nDONE:\n}" ::"r"(sharedAddress(&barrier)),
                 "r"(parity)
                 : "memory");
}

/// As copyBox, into this place of all blocks; each one's barrier counts the bytes.
template <int Cluster>
__device__ void shareBox(void* to, const CUtensorMap& from, Barrier& done, int column, int row, int head)
{
    constexpr auto kAll = static_cast<unsigned short>((1U << Cluster) - 1);
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
                 "[%0], [%1, {%3, %4, %5}], [%2], %6;" ::"r"(sharedAddress(to)),
                 "l"(&from), "r"(sharedAddress(&done)), "r"(column), "r"(row), "r"(head), "h"(kAll)
                 : "memory");
}

/// A multiple of 16 bytes, from and to multiples of 16.
__device__ inline void copyBytes(void* to, const void* from, unsigned bytes, Barrier& done)
{
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(sharedAddress(to)),
                 "l"(from), "r"(bytes), "r"(sharedAddress(&done))
                 : "memory");
}

} // namespace attnscope::kernels::hopper
