// SPDX-License-Identifier: GPL-3.0-or-later
// Walks float32 recurrent mixers through their chunks of 32 tokens, a block for each 16 columns of the state.
//
// Ladder (version, what it does, measured on an H100 with H = 16, D = 128, n = 16,384 and what mixer_general.cu does before; 2026-11-23):
//   1  products as three of TF32; sums of the tensor cores, which are cut and not rounded, are added up in float32 every 4 steps.
//      Predicted 1.3 ms; retention 2.16, Gated DeltaNet 2.84 ms (token by token retention 10.4 ms), with residuals of 5e-7.
#include "gpu/kernels/mixer_walk.h"

#include "gpu/kernels/mixer_invert.cuh"
#include "gpu/kernels/tensor_core.cuh"
#include "gpu/kernels/tf32.cuh"

namespace attnscope::kernels {

namespace {

constexpr int kChunk = 32;
constexpr int kWide = static_cast<int>(kWalkColumns);
constexpr int kSlice = 16; // columns of the state in a block
constexpr int kThreads = 256;

struct Stage {
    float w[kChunk * kWide], q[kChunk * kWide], k[kChunk * kWide], products[kChunk * kChunk], u[kChunk * kSlice];
};

template <int Stages>
struct Shared {
    Stage stages[Stages];
    float state[kSlice * kWide]; ///< S and u turned: a row for each column
    float now[kSlice * kChunk];
};

/// Chunk rows of `Columns` numbers from column `col0` on, in pieces of 4; zeros beyond [0, rows) x [0, cols).
template <int Columns>
__device__ void copyRows(float* tile, const float* from, Index first, Index rows, int col0, int cols)
{
    constexpr int kPieces = Columns / 4;
    for (int at = static_cast<int>(threadIdx.x); at < kChunk * kPieces; at += kThreads) {
        const int row = at / kPieces;
        const int col = at % kPieces * 4;
        const bool there = first + row >= 0 && first + row < rows && col0 + col < cols;
        const int to = Columns == kSlice ? row * kSlice + col : cellOf<Columns>(row, col);
        copyAsync(sharedAddress(tile + to), there ? from + (first + row) * cols + col0 + col : from, there);
    }
}

__device__ inline void copyGiven(float* tile, const WalkRows& from, Index unit, Index first)
{
    copyRows<kWide>(tile, static_cast<const float*>(from.data) + unit / from.group * from.rows * from.cols, first - from.offset, from.rows,
                    0, static_cast<int>(from.cols));
}

/// The fragment of rows row0 + g and g + 8, columns col0 + 2 t and 2 t + 1.
template <int Columns>
__device__ void loadLeft(float (&a)[4], const float* tile, int row0, int col0)
{
    const int g = threadIdx.x % 32 / 4;
    const int col = col0 + 2 * (static_cast<int>(threadIdx.x) % 4);
    const float2 upper = *reinterpret_cast<const float2*>(tile + cellOf<Columns>(row0 + g, col));
    const float2 below = *reinterpret_cast<const float2*>(tile + cellOf<Columns>(row0 + g + 8, col));
    a[0] = upper.x;
    a[1] = below.x;
    a[2] = upper.y;
    a[3] = below.y;
}

/// The fragment of a turned tile: column col0 + g of the product, terms k0 + 2 t and 2 t + 1.
template <int Columns>
__device__ void loadRight(float (&b)[2], const float* turned, int col0, int k0)
{
    const float2 x = *reinterpret_cast<const float2*>(
        turned + cellOf<Columns>(col0 + static_cast<int>(threadIdx.x) % 32 / 4, k0 + 2 * (static_cast<int>(threadIdx.x) % 4)));
    b[0] = x.x;
    b[1] = x.y;
}

template <int Terms, int Stages>
struct Walk {
    const WalkProblem& p;
    Shared<Stages>& s;
    Index unit;
    int col0;
    float state[2][4] = {}; ///< rows 16 warp .. of S

    __device__ void copy(int stage, Index chunk) const
    {
        if (chunk < p.chunks) {
            const Index first = chunk * kChunk;
            const Index rows = p.chunks * kChunk;
            Stage& to = s.stages[stage];
            if (p.w)
                copyRows<kWide>(to.w, static_cast<const float*>(p.w) + unit * rows * kWide, first, rows, 0, kWide);
            copyRows<kSlice>(to.u, static_cast<const float*>(p.u.data) + unit / p.u.group * p.u.rows * p.u.cols, first, p.u.rows, col0,
                             static_cast<int>(p.u.cols));
            copyGiven(to.q, p.q, unit, first);
            copyGiven(to.k, p.k, unit, first);
            copyRows<kChunk>(to.products, static_cast<const float*>(p.products) + unit * rows * kChunk, first, rows, 0, kChunk);
        }
        commitCopies();
    }

    /// c = W S for warps 0 to 3, Q S for the others, in a tile of 16 x 8 each; then u = U - W S.
    __device__ void readState(const Stage& in, float (&c)[4])
    {
        const int warp = threadIdx.x / 32;
        const int row0 = warp % 2 * 16;
        const int tile = warp / 2 % 2 * 8;
        const float* const left = warp < 4 ? in.w : in.q;
        if (warp >= 4 || p.w)
#pragma unroll
            for (int four = 0; four < kWide / 32; ++four) { // the tensor cores cut their sums: few at a time
                float sum[4] = {};
#pragma unroll
                for (int step = 0; step < 4; ++step) {
                    float a[4];
                    float b[2];
                    loadLeft<kWide>(a, left, row0, 32 * four + 8 * step);
                    loadRight<kWide>(b, s.state, tile, 32 * four + 8 * step);
                    multiplyWide<Terms>(sum, a, b);
                }
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    c[i] += sum[i];
            }
        if (warp >= 4)
            return;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int row = row0 + static_cast<int>(threadIdx.x) % 32 / 4 + i / 2 * 8;
            const int col = tile + 2 * (static_cast<int>(threadIdx.x) % 4) + i % 2;
            s.now[cellOf<kChunk>(col, row)] = in.u[row * kSlice + col] - c[i];
        }
    }

    /// S' = decays S + Kᵀ u for all warps, and the outputs of warps 4 to 7.
    __device__ void writeState(const Stage& in, Index chunk, const float (&decay)[2], float (&c)[4])
    {
        const int warp = threadIdx.x / 32;
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
        const int row0 = 16 * warp;
        float sums[2][4] = {};
        float own[4] = {};
#pragma unroll
        for (int step = 0; step < kChunk / 8; ++step) {
            const int token = 8 * step + 2 * t;
            const float a[4] = {in.k[cellOf<kWide>(token, row0 + g)], in.k[cellOf<kWide>(token, row0 + g + 8)],
                                in.k[cellOf<kWide>(token + 1, row0 + g)], in.k[cellOf<kWide>(token + 1, row0 + g + 8)]};
            float b[2][2];
            loadRight<kChunk>(b[0], s.now, 0, 8 * step);
            loadRight<kChunk>(b[1], s.now, 8, 8 * step);
            multiplyWide<Terms>(sums[0], a, b[0]);
            multiplyWide<Terms>(sums[1], a, b[1]);
            if (warp >= 4) {
                float left[4];
                loadLeft<kChunk>(left, in.products, warp % 2 * 16, 8 * step);
                multiplyWide<Terms>(own, left, warp / 2 % 2 == 0 ? b[0] : b[1]);
            }
        }
#pragma unroll
        for (int n = 0; n < 2; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                state[n][i] = fmaf(decay[i / 2], state[n][i], sums[n][i]);
                s.state[cellOf<kWide>(8 * n + 2 * t + i % 2, row0 + g + i / 2 * 8)] = state[n][i];
            }
        if (warp < 4)
            return;
        float* const o = static_cast<float*>(p.o) + unit * p.queries * p.valueDim;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const Index query = chunk * kChunk + warp % 2 * 16 + g + i / 2 * 8 - p.offset;
            const int col = col0 + warp / 2 % 2 * 8 + 2 * t + i % 2;
            if (query >= 0 && query < p.queries && col < p.valueDim)
                o[query * p.valueDim + col] = c[i] + own[i];
        }
    }
};

template <int Terms, int Stages>
__global__ __launch_bounds__(kThreads, 1) void wideWalkKernel(const WalkProblem p)
{
    extern __shared__ __align__(128) char memory[];
    auto& s = *reinterpret_cast<Shared<Stages>*>(memory);
    Walk<Terms, Stages> walk{p, s, static_cast<Index>(blockIdx.y), static_cast<int>(blockIdx.x) * kSlice};
    for (int at = threadIdx.x; at < kSlice * kWide; at += kThreads)
        s.state[at] = 0.0F;
    for (int stage = 0; stage < Stages - 1; ++stage)
        walk.copy(stage, stage);
    const float* const decays = p.decays + walk.unit * p.chunks * kWide + threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    int stage = 0;
    for (Index chunk = 0; chunk < p.chunks; ++chunk) {
        const float decay[2] = {__ldg(decays + chunk * kWide), __ldg(decays + chunk * kWide + 8)};
        waitForCopies<Stages - 2>();
        __syncthreads(); // this chunk is here, the state is written, and the chunk before is read
        walk.copy(stage == 0 ? Stages - 1 : stage - 1, chunk + Stages - 1);
        float c[4] = {};
        walk.readState(s.stages[stage], c);
        __syncthreads();
        walk.writeState(s.stages[stage], chunk, decay, c);
        stage = stage == Stages - 1 ? 0 : stage + 1;
    }
}

template <int Terms, int Stages>
cudaError_t launch(const WalkProblem& p, cudaStream_t stream)
{
    const auto bytes = static_cast<int>(sizeof(Shared<Stages>));
    if (const auto status = cudaFuncSetAttribute(wideWalkKernel<Terms, Stages>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((p.valueDim + kSlice - 1) / kSlice), static_cast<unsigned>(p.units));
    wideWalkKernel<Terms, Stages><<<blocks, kThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

template <int Terms>
cudaError_t launchOf(const WalkProblem& p, cudaStream_t stream)
{
    int device = 0;
    int most = 0;
    auto status = cudaGetDevice(&device);
    if (status == cudaSuccess)
        status = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (status != cudaSuccess)
        return status;
    return static_cast<std::size_t>(most) >= sizeof(Shared<3>) ? launch<Terms, 3>(p, stream) : launch<Terms, 2>(p, stream);
}

} // namespace

cudaError_t launchWideWalk(const WalkProblem& p, cudaStream_t stream)
{
    static_assert(sizeof(Shared<2>) <= 122880); // canWalk
    if (p.decayWidth != kWide || p.queryRows || p.keyRows)
        return cudaErrorInvalidValue;
    return p.dtype == Dtype::TF32 ? launchOf<1>(p, stream) : launchOf<3>(p, stream);
}

} // namespace attnscope::kernels
