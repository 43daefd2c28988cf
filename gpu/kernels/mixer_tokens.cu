// SPDX-License-Identifier: GPL-3.0-or-later
// Every recurrent mixer with decays per token or channel, the delta rule and RWKV-7's, token by token, with a float32 state in registers.
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

/// RWKV-7's κ and -a ⊙ κ, where the method has them.
template <int Width, bool Corrects>
struct Corrections {
};
template <int Width>
struct Corrections<Width, true> {
    float erase[kTokens][Width];
    float correct[kTokens][Width];
};

/// Rows of 16 tokens; the k, q and decays of a row are padded with zeros to `Width` columns.
template <int Width, bool Corrects>
struct Rows : Corrections<Width, Corrects> {
    float k[kTokens][Width];
    float q[kTokens][Width];
    float decay[kTokens][Width]; ///< e^g; one column where channels share it
    float v[kTokens][kColumns];
    float strength[kTokens];
    float own[kTokens]; ///< what o gets of the token's own v beside what the state holds
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

/// Decays of a token by 8 threads, and its key where that is made of them.
template <int Width, bool Corrects>
__device__ void loadDecays(Rows<Width, Corrects>& rows, const MixerProblem& p, const HeadDecays& decays, Index t, int r)
{
    const int lane = threadIdx.x % kLanes;
    const auto dim = static_cast<int>(p.shape.dim);
    const bool wide = p.logDecay.channel != 0 || p.keysAsGates || p.gatesAsKeys;
    for (int c = lane; c < (wide ? dim : 1); c += kLanes) {
        const float log = p.keysAsGates ? logSigmoid(rows.k[r][c]) : decays.at(t, c);
        rows.decay[r][c] = expf(log);
        if (p.gatesAsKeys)
            rows.k[r][c] = -expm1f(log);
    }
}

template <int Width>
__device__ void loadCorrections(Rows<Width, true>& rows, const MixerProblem& p, Index batch, Index head, Index t, int r)
{
    const int lane = threadIdx.x % kLanes;
    const auto dim = static_cast<int>(p.shape.dim);
    const HeadGate removal(p.removal, batch, head);
    const HeadGate rate(p.correction, batch, head);
    float square = 0.0F;
    for (int c = lane; c < Width; c += kLanes) {
        const float x = t < p.shape.keys && c < dim ? removal.at(t, c, rows.k[r][c]) : 0.0F;
        rows.erase[r][c] = x;
        square = fmaf(x, x, square);
    }
    square = sumOfLanes(square);
    const float factor = square > 0.0F ? 1.0F / sqrtf(square) : 1.0F;
    for (int c = lane; c < Width; c += kLanes) {
        rows.erase[r][c] *= factor;
        rows.correct[r][c] = t < p.shape.keys && c < dim ? -rate.at(t, c, 0.0F) * rows.erase[r][c] : 0.0F;
    }
}

template <class T, int Width, bool Corrects>
__device__ void loadRows(Rows<Width, Corrects>& rows, const MixerProblem& p, Index batch, Index head, Index first, int col0)
{
    const Shape& s = p.shape;
    const int r = threadIdx.x / kLanes;
    const int lane = threadIdx.x % kLanes;
    const Index t = first + r;
    const Index query = t - (s.keys - s.queries);
    const bool there = t < s.keys;
    const Index kv = batch * p.kvHeads + head * p.kvHeads / s.heads;
    const auto dim = static_cast<int>(s.dim);
    const Index keyHeads = p.keyHeads > 0 ? p.keyHeads : p.kvHeads;
    const Index key = batch * keyHeads + head * keyHeads / s.heads;
    loadRow<Width>(rows.k[r], static_cast<const T*>(p.k) + (key * s.keys + t) * dim, dim, there, p.unitKeys);
    loadRow<Width>(rows.q[r], static_cast<const T*>(p.q) + ((batch * s.heads + head) * s.queries + query) * dim, dim, there && query >= 0,
                   p.unitQueries);
    __syncwarp();
    if (there)
        loadDecays(rows, p, HeadDecays(p, batch, head), t, r);
    if constexpr (Corrects)
        loadCorrections<Width>(rows, p, batch, head, t, r);
    for (int c = lane; c < kColumns; c += kLanes)
        rows.v[r][c] =
            there && col0 + c < s.valueDim ? asFloat(static_cast<const T*>(p.v)[(kv * s.keys + t) * s.valueDim + col0 + c]) : 0.0F;
    float own = 0.0F;
    if (p.bonus.data && there) {
        const HeadGate bonus(p.bonus, batch, head);
        for (int c = lane; c < dim; c += kLanes)
            own = fmaf(rows.q[r][c] * rows.k[r][c], bonus.at(t, c, 0.0F), own);
    }
    own = sumOfLanes(own);
    if (lane == 0) {
        rows.strength[r] = there ? gateAt(p.strength, batch, head, t, 0, 1.0F) : 0.0F;
        rows.own[r] = there ? fmaf(p.scale, own, HeadGate(p.skip, batch, head).at(t, 0, 0.0F)) : 0.0F;
    }
}

template <class T, int Width, bool Corrects>
__global__ __launch_bounds__(kThreads) void tokenKernel(const MixerProblem p)
{
    extern __shared__ __align__(16) char shared[];
    auto& rows = *reinterpret_cast<Rows<Width, Corrects>*>(shared);
    const Shape& s = p.shape;
    const int col0 = static_cast<int>(blockIdx.x) * kColumns;
    const int column = threadIdx.x / kLanes;
    const int lane = threadIdx.x % kLanes;
    const Index batch = static_cast<Index>(blockIdx.y) / s.heads;
    const Index head = static_cast<Index>(blockIdx.y) % s.heads;
    const bool channels = p.logDecay.channel != 0 || p.keysAsGates;
    const bool readsOwn = !p.readsBefore && !p.skipsOwn;
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
            float read = 0.0F;
#pragma unroll
            for (int i = 0; i < Width / kLanes; ++i) {
                const int c = lane + kLanes * i;
                if constexpr (Corrects)
                    held = fmaf(rows.erase[r][c], state[i], held);
                if (p.readsBefore)
                    read = fmaf(rows.q[r][c], state[i], read);
                state[i] *= !channels ? decay : c < s.dim ? rows.decay[r][c] : 1.0F;
                if (p.delta)
                    held = fmaf(k[c], state[i], held);
                if (p.skipsOwn)
                    read = fmaf(rows.q[r][c], state[i], read);
            }
            if (p.delta || Corrects)
                held = sumOfLanes(held);
            const float value = rows.v[r][column];
            const float write = rows.strength[r] * (p.delta ? value - held : value);
#pragma unroll
            for (int i = 0; i < Width / kLanes; ++i) {
                const int c = lane + kLanes * i;
                if constexpr (Corrects)
                    state[i] = fmaf(rows.correct[r][c], held, state[i]);
                state[i] = fmaf(k[c], write, state[i]);
                if (readsOwn)
                    read = fmaf(rows.q[r][c], state[i], read);
            }
            read = sumOfLanes(read);
            const Index query = first + r - (s.keys - s.queries);
            if (lane == 0 && query >= 0 && col0 + column < s.valueDim)
                assign(o[query * s.valueDim + col0 + column], fmaf(rows.own[r], value, p.scale * read));
        }
    }
}

template <class T, int Width, bool Corrects>
cudaError_t launch(const MixerProblem& p, cudaStream_t stream)
{
    const auto bytes = static_cast<int>(sizeof(Rows<Width, Corrects>));
    if (const auto status = cudaFuncSetAttribute(tokenKernel<T, Width, Corrects>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((p.shape.valueDim + kColumns - 1) / kColumns),
                      static_cast<unsigned>(p.shape.batch * p.shape.heads));
    tokenKernel<T, Width, Corrects><<<blocks, kThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

template <class T, int Width>
cudaError_t launch(const MixerProblem& p, cudaStream_t stream)
{
    return p.correction.data ? launch<T, Width, true>(p, stream) : launch<T, Width, false>(p, stream);
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
