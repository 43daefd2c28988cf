// SPDX-License-Identifier: GPL-3.0-or-later
// The ceilings that sweeps are compared with: random operands, since zeros draw less power and run faster than real data.
//
// Measured on an H100 80GB, 2026-11-23: 891 TFLOP/s of wgmma, 3.91 T/s of exponentials (16 a clock and multiprocessor), a copy 2.98 TB/s.
#include "gpu/kernels/peak_loops.h"

#include "gpu/kernels/hopper.h"
#include "gpu/kernels/mma.cuh"
#include "gpu/kernels/wgmma.h"

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 256;
constexpr int kOperand = 256 * 64; // numbers of the right operand; the left one is its beginning
constexpr int kChains = 8;         // independent sums of a thread

__device__ float noise(unsigned i)
{
    i = (i ^ 61U ^ (i >> 16U)) * 9U;
    i = (i ^ (i >> 4U)) * 0x27d4eb2dU;
    return static_cast<float>((i ^ (i >> 15U)) & 0xffffU) / 65536.0F - 0.5F;
}

__global__ void __launch_bounds__(kThreads, 1) wgmmaLoop(int rounds, float* sink)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    __shared__ __align__(1024) __half operand[kOperand];
    for (int i = static_cast<int>(threadIdx.x); i < kOperand; i += kThreads)
        operand[i] = __float2half(noise(blockIdx.x * 65536U + static_cast<unsigned>(i)));
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    float sums[128] = {};
    for (int round = 0; round < rounds; ++round) {
        hopper::pin(sums);
        hopper::beginProducts();
#pragma unroll
        for (int k = 0; k < 64; k += 16)
            hopper::Wgmma<__half, 256>::shared(sums, hopper::describe(operand + k, 0, 1024), hopper::describe(operand + k, 0, 1024), false);
        hopper::commitProducts();
        hopper::awaitProducts<0>();
    }
    hopper::pin(sums);
    float all = 0.0F;
    for (const float x : sums)
        all += x;
    if (all == 12345.678F)
        *sink = all;
#endif
}

__global__ void __launch_bounds__(kThreads) mmaLoop(int rounds, float* sink)
{
    float sums[kChains][4] = {};
    std::uint32_t a[4];
    std::uint32_t b[2];
    for (int i = 0; i < 4; ++i) {
        const __half2 both = __floats2half2_rn(noise(threadIdx.x * 8U + static_cast<unsigned>(i)), noise(threadIdx.x * 8U + 4U));
        a[i] = *reinterpret_cast<const std::uint32_t*>(&both);
        b[i % 2] = a[i];
    }
    for (int round = 0; round < rounds; ++round)
#pragma unroll
        for (auto& sum : sums)
            multiply(sum, a, b[0], b[1], __half{});
    float all = 0.0F;
    for (const auto& sum : sums)
        all += sum[0] + sum[1] + sum[2] + sum[3];
    if (all == 12345.678F)
        *sink = all;
}

__global__ void __launch_bounds__(kThreads) exponentialLoop(int rounds, float* sink)
{
    float x[kChains];
    for (int i = 0; i < kChains; ++i)
        x[i] = noise(threadIdx.x * kChains + static_cast<unsigned>(i));
    for (int round = 0; round < rounds; ++round)
#pragma unroll
        for (float& value : x)
            asm volatile("ex2.approx.ftz.f32 %0, %0;" : "+f"(value));
    float all = 0.0F;
    for (const float value : x)
        all += value;
    if (all == 12345.678F)
        *sink = all;
}

} // namespace

double productLoopFlops(bool isHopper, int multiprocessors, int rounds)
{
    const double perRound = isHopper ? 2.0 * 2.0 * 64 * 256 * 64 : kThreads / 32 * kChains * 2.0 * 16 * 8 * 16;
    return perRound * rounds * multiprocessors * (isHopper ? 1 : 2);
}

cudaError_t launchProductLoop(bool isHopper, int multiprocessors, int rounds, float* sink, cudaStream_t stream)
{
    if (isHopper)
        wgmmaLoop<<<static_cast<unsigned>(multiprocessors), kThreads, 0, stream>>>(rounds, sink);
    else
        mmaLoop<<<static_cast<unsigned>(2 * multiprocessors), kThreads, 0, stream>>>(rounds, sink);
    return cudaGetLastError();
}

double exponentialLoopCount(int multiprocessors, int rounds) { return 4.0 * multiprocessors * kThreads * kChains * rounds; }

cudaError_t launchExponentialLoop(int multiprocessors, int rounds, float* sink, cudaStream_t stream)
{
    exponentialLoop<<<static_cast<unsigned>(4 * multiprocessors), kThreads, 0, stream>>>(rounds, sink);
    return cudaGetLastError();
}

} // namespace attnscope::kernels
