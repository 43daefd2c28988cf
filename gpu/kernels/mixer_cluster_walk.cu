// SPDX-License-Identifier: GPL-3.0-or-later
// The walk of mixer_walk.cu on Hopper: the blocks of a head are a cluster, and what all of them read is copied once for all.
#include "gpu/kernels/cluster.h"
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

/// The one warp of a block in a cluster that copies: its part of the rows that all blocks need to all of them, the rest to its own.
template <int Cluster>
struct Producer {
    const WalkProblem& p;
    const WalkMaps& maps;
    Shared<kStages>& s;
    Index unit;
    int col0;
    int rank = static_cast<int>(hopper::rankInCluster());

    static constexpr int kPart = kChunk / Cluster; // rows

    __device__ void copySquare(char* tile, const CUtensorMap& map, hopper::Barrier& done, int column, Index row, Index head) const
    {
        hopper::shareBox<Cluster>(tile + rank * kPart * 128, map, done, column, static_cast<int>(row) + rank * kPart,
                                  static_cast<int>(head));
    }
    __device__ void copyWide(char* tile, const CUtensorMap& map, hopper::Barrier& done, Index row, Index head) const
    {
        copySquare(tile, map, done, 0, row, head);
        copySquare(tile + kSquareTile, map, done, kWide / 2, row, head);
    }
    __device__ void copyFactors(float* to, const float* factors, hopper::Barrier& done, Index first) const
    {
        hopper::copyBytes(to, factors + unit * p.chunks * kChunk + first, kChunk * sizeof(float), done);
    }
    __device__ void copy(int stage, Index chunk) const
    {
        Stage& to = s.stages[stage];
        hopper::Barrier& done = s.full[stage];
        const Index first = chunk * kChunk;
        done.expect((p.w ? kWideTile : 0) + 2 * kWideTile + kSquareTile + kSliceTile + (p.queryRows ? 2 * kChunk * sizeof(float) : 0));
        if (p.w)
            copyWide(to.w, maps.w, done, first, unit);
        hopper::copyBox(to.u, maps.u, done, col0, static_cast<int>(first - p.u.offset), static_cast<int>(unit / p.u.group));
        copyWide(to.k, maps.k, done, first - p.k.offset, unit / p.k.group);
        copyWide(to.q, maps.q, done, first - p.q.offset, unit / p.q.group);
        copySquare(to.products, maps.products, done, 0, first, unit);
        if (p.queryRows) {
            copyFactors(to.queryRows, p.queryRows, done, first);
            copyFactors(to.keyRows, p.keyRows, done, first);
        }
    }
    __device__ void run() const
    {
        for (Index chunk = 0; chunk < p.chunks; ++chunk) {
            const auto stage = static_cast<int>(chunk % kStages);
            if (chunk >= kStages)
                hopper::waitForCluster(s.empty[stage], static_cast<unsigned>(chunk / kStages - 1) & 1U);
            copy(stage, chunk);
        }
    }
};

template <class T, int Cluster>
__global__ __launch_bounds__(kThreads + 32, 1) void clusterWalkKernel(const WalkProblem p, const __grid_constant__ WalkMaps maps)
{
#if __CUDA_ARCH__ >= 900
    extern __shared__ __align__(1024) char memory[];
    auto& s = *reinterpret_cast<Shared<kStages>*>(memory + (1024 - hopper::sharedAddress(memory) % 1024) % 1024);
    const auto unit = static_cast<Index>(blockIdx.y);
    const int col0 = static_cast<int>(blockIdx.x) * kSlice;
    if (threadIdx.x == kThreads) {
        for (int stage = 0; stage < kStages; ++stage) {
            s.full[stage].init(1);
            s.empty[stage].init(Cluster);
        }
        hopper::fenceBarriers();
    }
    hopper::syncCluster();
    if (threadIdx.x >= kThreads) {
        if (threadIdx.x == kThreads)
            Producer<Cluster>{p, maps, s, unit, col0}.run();
    } else {
        Walk<T, kStages> walk{p, s, unit, col0};
        walk.clear();
        const Index row = p.decayWidth == 1 ? 0 : threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
        const float* const decays = p.decays + unit * p.chunks * p.decayWidth + row;
        int stage = 0;
        unsigned parity = 0;
        for (Index chunk = 0; chunk < p.chunks; ++chunk) {
            const float decay[2] = {__ldg(decays + chunk * p.decayWidth),
                                    __ldg(decays + chunk * p.decayWidth + (p.decayWidth == 1 ? 0 : 8))};
            s.full[stage].wait(parity);
            hopper::syncNamed(1, kThreads); // the state is written
            float c[kTiles][4] = {};
            walk.readState(s.stages[stage], c);
            walk.loadFactors(s.stages[stage]);
            hopper::syncNamed(1, kThreads);
            if (threadIdx.x < Cluster)
                hopper::arriveAt(s.empty[stage], threadIdx.x);
            walk.writeState(chunk, decay, c);
            stage = stage == kStages - 1 ? 0 : stage + 1;
            parity ^= stage == 0 ? 1U : 0U;
        }
    }
    __syncwarp();
    hopper::syncCluster(); // no block leaves while others copy into it
#endif
}

cudaError_t makeMap(CUtensorMap& map, const WalkProblem& p, const WalkRows& from, int boxRows)
{
    return makeTensorMap(map, from.data, p.dtype == Dtype::F16, p.units / from.group, from.rows, from.cols, boxRows);
}

template <class T, int Cluster>
cudaError_t launchClusters(const WalkProblem& p, cudaStream_t stream)
{
    constexpr int kPart = kChunk / Cluster;
    WalkMaps maps{};
    const Index rows = p.chunks * kChunk;
    auto status = p.w ? makeMap(maps.w, p, {p.w, 1, rows, kWide, 0}, kPart) : cudaSuccess;
    if (status == cudaSuccess)
        status = makeMap(maps.q, p, p.q, kPart);
    if (status == cudaSuccess)
        status = makeMap(maps.k, p, p.k, kPart);
    if (status == cudaSuccess)
        status = makeMap(maps.products, p, {p.products, 1, rows, kChunk, 0}, kPart);
    if (status == cudaSuccess)
        status = makeSliceMap(maps.u, p.u.data, p.dtype == Dtype::F16, p.units / p.u.group, p.u.rows, p.u.cols, kChunk);
    const auto kernel = clusterWalkKernel<T, Cluster>;
    if (status == cudaSuccess)
        status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
    if (status != cudaSuccess)
        return status;
    const Index slices = (p.valueDim + kSlice - 1) / kSlice;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>((slices + Cluster - 1) / Cluster * Cluster), static_cast<unsigned>(p.units));
    config.blockDim = dim3(kThreads + 32);
    config.dynamicSmemBytes = kBytes;
    config.stream = stream;
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = Cluster;
    attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
    config.attrs = &attribute;
    config.numAttrs = 1;
    return cudaLaunchKernelEx(&config, kernel, p, maps);
}

} // namespace

bool hasClusterWalk()
{
    cudaFuncAttributes found{};
    int device = 0;
    int major = 0;
    int most = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
           cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess && major >= 9 && most >= kBytes &&
           cudaFuncGetAttributes(&found, clusterWalkKernel<__half, 4>) == cudaSuccess && found.ptxVersion >= 90;
}

cudaError_t launchClusterWalk(const WalkProblem& p, cudaStream_t stream)
{
    return p.dtype == Dtype::BF16 ? launchClusters<__nv_bfloat16, 4>(p, stream) : launchClusters<__half, 4>(p, stream);
}

} // namespace attnscope::kernels
