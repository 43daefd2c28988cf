// SPDX-License-Identifier: GPL-3.0-or-later
// Hopper's barriers, bulk tensor copies and warpgroup registers as functions (PTX ISA, sm_90a).
#pragma once

#include <cuda.h>

#include <cstdint>

namespace attnscope::kernels::hopper {

__device__ inline std::uint32_t sharedAddress(const void* p) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(p)); }

/// A barrier in shared memory that counts arrivals and bytes; its phases alternate.
struct Barrier {
    std::uint64_t bits;

    __device__ void init(unsigned arrivals)
    {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(sharedAddress(this)), "r"(arrivals));
    }
    __device__ void arrive() { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(sharedAddress(this)) : "memory"); }
    __device__ void expect(unsigned bytes)
    {
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sharedAddress(this)), "r"(bytes) : "memory");
    }
    /// Until the phase of this parity has ended.
    __device__ void wait(unsigned parity)
    {
        asm volatile(
            "{\n.reg .pred p;\nWAIT:\nmbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n@p bra DONE;\nbra WAIT;\nDONE:\n}" ::"r"(
                sharedAddress(this)),
            "r"(parity)
            : "memory");
    }
};

/// Makes the barriers' initial state visible to the copy engine.
__device__ inline void fenceBarriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

/// The box at (column, row, head) of a [heads, rows, columns] tensor into shared memory; zeros beyond its borders.
__device__ inline void copyBox(void* to, const CUtensorMap& from, Barrier& done, int column, int row, int head)
{
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(
                     sharedAddress(to)),
                 "l"(&from), "r"(sharedAddress(&done)), "r"(column), "r"(row), "r"(head)
                 : "memory");
}

template <int Registers>
__device__ void giveUpRegisters()
{
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}

template <int Registers>
__device__ void takeRegisters()
{
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}

/// Named barriers among some of a block's warps.
__device__ inline void syncNamed(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
__device__ inline void arriveNamed(int id, int threads) { asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory"); }

/// Before the first wgmma of a group: orders what was written to its registers.
__device__ inline void beginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Until at most `Pending` of the last groups are unfinished.
template <int Pending>
__device__ void awaitProducts()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}

/// Keeps the compiler from moving uses of the registers across.
template <int Count>
__device__ void pin(float (&values)[Count])
{
#pragma unroll
    for (float& x : values)
        asm volatile("" : "+f"(x)::"memory");
}

template <int Count>
__device__ void pin(std::uint32_t (&values)[Count])
{
#pragma unroll
    for (std::uint32_t& x : values)
        asm volatile("" : "+r"(x)::"memory");
}

} // namespace attnscope::kernels::hopper
