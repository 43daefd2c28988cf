// SPDX-License-Identifier: GPL-3.0-or-later
// Walks 16-bit recurrent mixers through their chunks of 64 tokens, a block for some columns of the state.
//
// Ladder (version, prediction, measured on an H100 with bf16, H = 16, D = 128, n = 16,384; 2026-11-23):
//   1  the state in float32 registers, slices of 32 columns, the next chunks on their way while these are multiplied; Gated DeltaNet
//      0.692 ms. Lesson: a chunk took 2.7 us, most of it in computing addresses.
//   2  pieces that a thread copies lie at fixed distances: 0.58 ms.
//   3  slices of 16 columns, so that 128 multiprocessors work in place of 64; what u is multiplied with is in registers before u is
//      there. Predicted 0.4 ms; 0.50 to 0.52 ms. Lesson: without copies it takes 0.30 ms, so each slice's own copy of W, Q and K counts.
//   4  copies start before the state is read: 0.496 ms. With lines of later chunks fetched into L2 0.59 ms, with 512 threads for 32
//      columns 0.74 ms: neither stayed.
#include "gpu/kernels/mixer_walk.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace walk;

template <class T, int Stages>
__global__ __launch_bounds__(kThreads, 1) void walkKernel(const WalkProblem p)
{
    extern __shared__ __align__(1024) char memory[];
    auto& s = *reinterpret_cast<Shared<Stages>*>(memory);
    Walk<T, Stages> walk{p, s, static_cast<Index>(blockIdx.y), static_cast<int>(blockIdx.x) * kSlice};
    walk.clear();
    for (int stage = 0; stage < Stages - 1; ++stage)
        walk.copy(stage, stage);
    const Index row = p.decayWidth == 1 ? 0 : threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    const float* const decays = p.decays + walk.unit * p.chunks * p.decayWidth + row;
    int stage = 0;
    for (Index chunk = 0; chunk < p.chunks; ++chunk) {
        const float decay[2] = {__ldg(decays + chunk * p.decayWidth), __ldg(decays + chunk * p.decayWidth + (p.decayWidth == 1 ? 0 : 8))};
        waitForCopies<Stages - 2>();
        __syncthreads(); // this chunk is here, the state is written, and the chunk before is read
        float c[kTiles][4] = {};
        walk.copy(stage == 0 ? Stages - 1 : stage - 1, chunk + Stages - 1);
        walk.loadRows(s.stages[stage]);
        walk.readState(s.stages[stage], c);
        walk.loadFactors(s.stages[stage]);
        __syncthreads();
        walk.writeState(chunk, decay, c);
        stage = stage == Stages - 1 ? 0 : stage + 1;
    }
}

template <class T, int Stages>
cudaError_t launch(const WalkProblem& p, cudaStream_t stream)
{
    const auto bytes = static_cast<int>(sizeof(Shared<Stages>));
    if (const auto status = cudaFuncSetAttribute(walkKernel<T, Stages>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((p.valueDim + kSlice - 1) / kSlice), static_cast<unsigned>(p.units));
    walkKernel<T, Stages><<<blocks, kThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchOf(const WalkProblem& p, cudaStream_t stream)
{
    int device = 0;
    int most = 0;
    auto status = cudaGetDevice(&device);
    if (status == cudaSuccess)
        status = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (status != cudaSuccess)
        return status;
    return static_cast<std::size_t>(most) >= sizeof(Shared<3>) ? launch<T, 3>(p, stream) : launch<T, 2>(p, stream);
}

} // namespace

bool canWalk(Dtype dtype)
{
    constexpr int kWidest = 120 * 1024; // two stages of either kind, and what prepares them
    int device = 0;
    int most = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess &&
           most >= (bytesOf(dtype) == 2 ? std::max(static_cast<int>(sizeof(Shared<2>)), kWidest) : kWidest);
}

cudaError_t launchWalk(const WalkProblem& p, cudaStream_t stream)
{
    if (hasBulkWalk())
        return launchBulkWalk(p, stream);
    return p.dtype == Dtype::BF16 ? launchOf<__nv_bfloat16>(p, stream) : launchOf<__half>(p, stream);
}

} // namespace attnscope::kernels
