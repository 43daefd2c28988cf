// SPDX-License-Identifier: GPL-3.0-or-later
// Every recurrent mixer with decays per token or channel and the delta rule, token by token, with a float32 state in registers.
//
// Ladder (version, what it does, measured on an H100 with H = 16, D = 128, n = 16,384; 2026-11-23):
//   1  8 lanes hold a column of the state, a block 16 columns; rows of 16 tokens at a time come through shared memory, where keys
//      are brought to length 1. f32 without erasing 10.4 ms; bf16 with a decay for each channel: GLA 16.6, KDA 17.4 ms. Lesson: 0.6 us
//      a token is latency; only chunks get past it.
#include "gpu/kernels/mixer_gate.cuh"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 128;
constexpr int kColumns = 16; // of the state, in a block
constexpr int kLanes = 8;    // that share a column
constexpr int kTokens = 16;  // in shared memory at a time

__device__ float asFloat(float x) { return x; }
__device__ float asFloat(__half x) { return __half2float(x); }
__device__ float asFloat(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ void assign(float& to, float x) { to = x; }
__device__ void assign(__half& to, float x) { to = __float2half(x); }
__device__ void assign(__nv_bfloat16& to, float x) { to = __float2bfloat16(x); }

__device__ float sumOfLanes(float x)
{
    for (int far = 1; far < kLanes; far *= 2)
        x += __shfl_xor_sync(0xFFFFFFFFU, x, far);
    return x;
}

/// Rows of 16 tokens; the k, q and decays of a row are padded with zeros to `Width` columns.
template <int Width>
struct Rows {
    float k[kTokens][Width];
    float q[kTokens][Width];
    float decay[kTokens][Width]; ///< e^g; one column where channels share it
    float v[kTokens][kColumns];
    float strength[kTokens];
};

/// A row of `from`, over its length where `unit`, by the 8 threads of its token.
template <int Width, class T>
__device__ void loadRow(float* to, const T* from, int dim, bool there, bool unit)
{
    const int lane = threadIdx.x % kLanes;
    float square = 0.0F;
    for (int c = lane; c < Width; c += kLanes) {
        const float x = there && c < dim ? asFloat(from[c]) : 0.0F;
        to[c] = x;
        square = fmaf(x, x, square);
    }
    square = sumOfLanes(square);
    const float factor = unit && square > 0.0F ? rsqrtf(square) : 1.0F;
    for (int c = lane; c < Width; c += kLanes)
        to[c] *= factor;
}

template <class T, int Width>
__device__ void loadRows(Rows<Width>& rows, const MixerProblem& p, Index batch, Index head, Index first, int col0)
{
    const Shape& s = p.shape;
    const int r = threadIdx.x / kLanes;
    const int lane = threadIdx.x % kLanes;
    const Index t = first + r;
    const Index query = t - (s.keys - s.queries);
    const bool there = t < s.keys;
    const Index kv = batch * p.kvHeads + head * p.kvHeads / s.heads;
    const auto dim = static_cast<int>(s.dim);
    loadRow<Width>(rows.k[r], static_cast<const T*>(p.k) + (kv * s.keys + t) * dim, dim, there, p.unitKeys);
    loadRow<Width>(rows.q[r], static_cast<const T*>(p.q) + ((batch * s.heads + head) * s.queries + query) * dim, dim, there && query >= 0,
                   p.unitQueries);
    for (int c = lane; c < (p.logDecay.channel != 0 ? dim : 1) && there; c += kLanes)
        rows.decay[r][c] = expf(logDecayAt(p, batch, head, t, c));
    for (int c = lane; c < kColumns; c += kLanes)
        rows.v[r][c] =
            there && col0 + c < s.valueDim ? asFloat(static_cast<const T*>(p.v)[(kv * s.keys + t) * s.valueDim + col0 + c]) : 0.0F;
    if (lane == 0)
        rows.strength[r] = there ? gateAt(p.strength, batch, head, t, 0, 1.0F) : 0.0F;
}

template <class T, int Width>
__global__ __launch_bounds__(kThreads) void tokenKernel(const MixerProblem p)
{
    extern __shared__ __align__(16) char shared[];
    auto& rows = *reinterpret_cast<Rows<Width>*>(shared);
    const Shape& s = p.shape;
    const int col0 = static_cast<int>(blockIdx.x) * kColumns;
    const int column = threadIdx.x / kLanes;
    const int lane = threadIdx.x % kLanes;
    const Index batch = static_cast<Index>(blockIdx.y) / s.heads;
    const Index head = static_cast<Index>(blockIdx.y) % s.heads;
    const bool channels = p.logDecay.channel != 0;
    T* const o = static_cast<T*>(p.o) + (batch * s.heads + head) * s.queries * s.valueDim;
    float state[Width / kLanes] = {};
    for (Index first = 0; first < s.keys; first += kTokens) {
        __syncthreads();
        loadRows<T>(rows, p, batch, head, first, col0);
        __syncthreads();
        for (int r = 0; r < kTokens && first + r < s.keys; ++r) {
            const float* const k = rows.k[r];
            const float decay = rows.decay[r][0];
            float held = 0.0F;
#pragma unroll
            for (int i = 0; i < Width / kLanes; ++i) {
                const int c = lane + kLanes * i;
                state[i] *= !channels ? decay : c < s.dim ? rows.decay[r][c] : 1.0F;
                held = fmaf(k[c], state[i], held);
            }
            const float write = rows.strength[r] * (rows.v[r][column] - (p.delta ? sumOfLanes(held) : 0.0F));
            float read = 0.0F;
#pragma unroll
            for (int i = 0; i < Width / kLanes; ++i) {
                const int c = lane + kLanes * i;
                state[i] = fmaf(k[c], write, state[i]);
                read = fmaf(rows.q[r][c], state[i], read);
            }
            read = sumOfLanes(read);
            const Index query = first + r - (s.keys - s.queries);
            if (lane == 0 && query >= 0 && col0 + column < s.valueDim)
                assign(o[query * s.valueDim + col0 + column], p.scale * read);
        }
    }
}

template <class T, int Width>
cudaError_t launch(const MixerProblem& p, cudaStream_t stream)
{
    const auto bytes = static_cast<int>(sizeof(Rows<Width>));
    if (const auto status = cudaFuncSetAttribute(tokenKernel<T, Width>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((p.shape.valueDim + kColumns - 1) / kColumns),
                      static_cast<unsigned>(p.shape.batch * p.shape.heads));
    tokenKernel<T, Width><<<blocks, kThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchOf(const MixerProblem& p, cudaStream_t stream)
{
    if (p.shape.dim <= 64)
        return launch<T, 64>(p, stream);
    return p.shape.dim <= 128 ? launch<T, 128>(p, stream) : launch<T, 256>(p, stream);
}

} // namespace

cudaError_t launchTokens(const MixerProblem& p, cudaStream_t stream)
{
    if (p.shape.dim > kMixerMaxDim)
        return cudaErrorInvalidValue;
    if (p.dtype == Dtype::F16)
        return launchOf<__half>(p, stream);
    return p.dtype == Dtype::BF16 ? launchOf<__nv_bfloat16>(p, stream) : launchOf<float>(p, stream);
}

} // namespace attnscope::kernels
