// SPDX-License-Identifier: GPL-3.0-or-later
// The walk of mixer_walk.cu on Hopper, where a warp of its own has the copy engine bring the tiles.
//
// Ladder (version, prediction, measured on an H100 with bf16, Gated DeltaNet, H = 16, D = 128, n = 16,384; 2026-11-24; the transform of
// mixer_delta.cu takes 0.213 ms of each figure):
//   1  boxes of the copy engine in place of 14 copies a thread and chunk. Clusters of blocks that share W, Q, K and P were predicted to
//      bring 0.55 ms: with 2 blocks 0.610, but also without clusters 0.612 ms, so they went again; with 4 blocks 0.935, with 8 0.974 ms
//      (with each block's own cp.async, in the same run, 0.707 ms). Lesson: sharing copies brings nothing; fewer instructions that copy
//      seem to be what helped (not profiled).
//   2  W, Q, K and P into registers before the state is ready. Predicted 0.56, took 0.498 to 0.504 ms.
//   3  rows' factors read by the threads a chunk ahead and no longer copied in bulk, which racecheck reported as read too early:
//      0.510 ms, 0 hazards.
#include "gpu/kernels/mixer_walk.cuh"
#include "gpu/kernels/tensor_map.h"
#include "gpu/kernels/tensor_slice_map.h"

namespace attnscope::kernels {

namespace {

using namespace walk;

constexpr int kStages = 3;
constexpr int kBytes = static_cast<int>(sizeof(Shared<kStages>)) + 1024; // tiles begin at multiples of 1,024

/// What the copy engine knows of a problem's arrays.
struct WalkMaps {
    CUtensorMap w, q, k, products, u;
};

/// The factors of queries and keys, a number a thread and chunk, read from global memory a chunk ahead.
struct RowFactors {
    const float* from = nullptr;
    float ahead = 0.0F;

    __device__ RowFactors(const WalkProblem& p, Index unit)
    {
        if (!p.queryRows || threadIdx.x >= 2 * kChunk)
            return;
        from = (threadIdx.x < kChunk ? p.queryRows : p.keyRows) + unit * p.chunks * kChunk + threadIdx.x % kChunk;
        ahead = __ldg(from);
    }
    /// Before a barrier of the threads that read them.
    __device__ void store(Stage& to, Index chunk, Index chunks)
    {
        if (from == nullptr)
            return;
        (threadIdx.x < kChunk ? to.queryRows : to.keyRows)[threadIdx.x % kChunk] = ahead;
        if (chunk + 1 < chunks)
            ahead = __ldg(from + (chunk + 1) * kChunk);
    }
};

/// The one thread of a block that copies.
struct Producer {
    const WalkProblem& p;
    const WalkMaps& maps;
    Shared<kStages>& s;
    Index unit;
    int col0;

    __device__ void copySquare(char* tile, const CUtensorMap& map, hopper::Barrier& done, int column, Index row, Index head) const
    {
        hopper::copyBox(tile, map, done, column, static_cast<int>(row), static_cast<int>(head));
    }
    __device__ void copyWide(char* tile, const CUtensorMap& map, hopper::Barrier& done, Index row, Index head) const
    {
        copySquare(tile, map, done, 0, row, head);
        copySquare(tile + kSquareTile, map, done, kWide / 2, row, head);
    }
    __device__ void copy(int stage, Index chunk) const
    {
        Stage& to = s.stages[stage];
        hopper::Barrier& done = s.full[stage];
        const Index first = chunk * kChunk;
        done.expect((p.w ? kWideTile : 0) + 2 * kWideTile + kSquareTile + kSliceTile);
        if (p.w)
            copyWide(to.w, maps.w, done, first, unit);
        hopper::copyBox(to.u, maps.u, done, col0, static_cast<int>(first - p.u.offset), static_cast<int>(unit / p.u.group));
        copyWide(to.k, maps.k, done, first - p.k.offset, unit / p.k.group);
        copyWide(to.q, maps.q, done, first - p.q.offset, unit / p.q.group);
        copySquare(to.products, maps.products, done, 0, first, unit);
    }
    __device__ void run() const
    {
        for (Index chunk = 0; chunk < p.chunks; ++chunk) {
            const auto stage = static_cast<int>(chunk % kStages);
            if (chunk >= kStages)
                s.empty[stage].wait(static_cast<unsigned>(chunk / kStages - 1) & 1U);
            copy(stage, chunk);
        }
    }
};

template <class T>
__global__ __launch_bounds__(kThreads + 32, 1) void bulkWalkKernel(const WalkProblem p, const __grid_constant__ WalkMaps maps)
{
#if __CUDA_ARCH__ >= 900
    extern __shared__ __align__(1024) char memory[];
    auto& s = *reinterpret_cast<Shared<kStages>*>(memory + (1024 - hopper::sharedAddress(memory) % 1024) % 1024);
    const auto unit = static_cast<Index>(blockIdx.y);
    const int col0 = static_cast<int>(blockIdx.x) * kSlice;
    if (threadIdx.x == kThreads) {
        for (int stage = 0; stage < kStages; ++stage) {
            s.full[stage].init(1);
            s.empty[stage].init(1);
        }
        hopper::fenceBarriers();
    }
    __syncthreads();
    if (threadIdx.x >= kThreads) {
        if (threadIdx.x == kThreads)
            Producer{p, maps, s, unit, col0}.run();
    } else {
        Walk<T, kStages> walk{p, s, unit, col0};
        walk.clear();
        const Index row = p.decayWidth == 1 ? 0 : threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
        const float* const decays = p.decays + unit * p.chunks * p.decayWidth + row;
        RowFactors factors(p, unit);
        int stage = 0;
        unsigned parity = 0;
        for (Index chunk = 0; chunk < p.chunks; ++chunk) {
            const float decay[2] = {__ldg(decays + chunk * p.decayWidth),
                                    __ldg(decays + chunk * p.decayWidth + (p.decayWidth == 1 ? 0 : 8))};
            s.full[stage].wait(parity);
            factors.store(s.stages[stage], chunk, p.chunks);
            walk.loadRows(s.stages[stage]); // all that doesn't wait for the state
            walk.loadFactors(s.stages[stage]);
            hopper::syncNamed(1, kThreads); // the state is written
            float c[kTiles][4] = {};
            walk.readState(s.stages[stage], c);
            hopper::syncNamed(1, kThreads);
            if (threadIdx.x == 0)
                s.empty[stage].arrive();
            walk.writeState(chunk, decay, c);
            stage = stage == kStages - 1 ? 0 : stage + 1;
            parity ^= stage == 0 ? 1U : 0U;
        }
    }
#endif
}

cudaError_t makeMap(CUtensorMap& map, const WalkProblem& p, const WalkRows& from)
{
    return makeTensorMap(map, from.data, p.dtype == Dtype::F16, p.units / from.group, from.rows, from.cols, kChunk);
}

template <class T>
cudaError_t launch(const WalkProblem& p, cudaStream_t stream)
{
    WalkMaps maps{};
    const Index rows = p.chunks * kChunk;
    auto status = p.w ? makeMap(maps.w, p, {p.w, 1, rows, kWide, 0}) : cudaSuccess;
    if (status == cudaSuccess)
        status = makeMap(maps.q, p, p.q);
    if (status == cudaSuccess)
        status = makeMap(maps.k, p, p.k);
    if (status == cudaSuccess)
        status = makeMap(maps.products, p, {p.products, 1, rows, kChunk, 0});
    if (status == cudaSuccess)
        status = makeSliceMap(maps.u, p.u.data, p.dtype == Dtype::F16, p.units / p.u.group, p.u.rows, p.u.cols, kChunk);
    const auto kernel = bulkWalkKernel<T>;
    if (status == cudaSuccess)
        status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
    if (status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((p.valueDim + kSlice - 1) / kSlice), static_cast<unsigned>(p.units));
    kernel<<<blocks, kThreads + 32, kBytes, stream>>>(p, maps);
    return cudaGetLastError();
}

} // namespace

bool hasBulkWalk()
{
    cudaFuncAttributes found{};
    int device = 0;
    int major = 0;
    int most = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
           cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess && major >= 9 && most >= kBytes &&
           cudaFuncGetAttributes(&found, bulkWalkKernel<__half>) == cudaSuccess && found.ptxVersion >= 90;
}

cudaError_t launchBulkWalk(const WalkProblem& p, cudaStream_t stream)
{
    return p.dtype == Dtype::BF16 ? launch<__nv_bfloat16>(p, stream) : launch<__half>(p, stream);
}

} // namespace attnscope::kernels
