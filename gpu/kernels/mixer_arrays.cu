// SPDX-License-Identifier: GPL-3.0-or-later
// Rows and gates that recurrent mixers make of arrays of the inputs: element by element, all but the turning before the clock starts.
#include "gpu/kernels/mixer_arrays.h"

#include "gpu/kernels/mixer_gate.cuh"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 256;

__device__ float asFloat(float x) { return x; }
__device__ float asFloat(__half x) { return __half2float(x); }
__device__ float asFloat(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ void assign(float& to, float x) { to = x; }
__device__ void assign(__half& to, float x) { to = __float2half_rn(x); }
__device__ void assign(__nv_bfloat16& to, float x) { to = __float2bfloat16_rn(x); }

/// Calls what(i) for each i below `count`.
template <class What>
__global__ void eachKernel(Index count, const What what)
{
    const Index step = static_cast<Index>(gridDim.x) * kThreads;
    for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step)
        what(i);
}

template <class What>
cudaError_t forEach(Index count, const What& what, cudaStream_t stream)
{
    if (count == 0)
        return cudaSuccess;
    eachKernel<<<static_cast<unsigned>(std::min<Index>((count + kThreads - 1) / kThreads, 8192)), kThreads, 0, stream>>>(count, what);
    return cudaGetLastError();
}

template <class T>
struct Spread {
    Gate from;
    Index firstRow, heads, rows, cols;
    T* to;

    __device__ void operator()(Index i) const
    {
        const Index row = i / cols % rows;
        const Index unit = i / cols / rows;
        assign(to[i], gateAt(from, unit / heads, unit % heads, firstRow + row, i % cols, 0.0F));
    }
};

struct Trapezoid {
    Gate steps, shares;
    Shape shape;
    float* strengths;
    float* own;

    __device__ void operator()(Index i) const
    {
        const Index t = i % shape.keys;
        const Index batch = i / shape.keys / shape.heads;
        const Index head = i / shape.keys % shape.heads;
        const auto step = [&](Index at) { return gateAt(steps, batch, head, at, 0, 1.0F); };
        const auto share = [&](Index at) { return gateAt(shares, batch, head, at, 0, 1.0F); };
        own[i] = share(t) * step(t);
        strengths[i] = own[i] + (t + 1 < shape.keys ? (1.0F - share(t + 1)) * step(t + 1) : 0.0F);
    }
};

struct GatedStrengths {
    Gate logDecay, input;
    bool whole;
    Shape shape;
    float* strengths;

    __device__ void operator()(Index i) const
    {
        const Index t = i % shape.keys;
        const Index batch = i / shape.keys / shape.heads;
        const Index head = i / shape.keys % shape.heads;
        const float kept = whole && t == 0 ? 1.0F : sqrtf(-expm1f(2.0F * gateAt(logDecay, batch, head, t, 0, 0.0F)));
        strengths[i] = kept * gateAt(input, batch, head, t, 0, 1.0F);
    }
};

struct Angles {
    Gate rates, steps;
    Shape shape;
    Index pairs;
    float2* to;

    __device__ void operator()(Index i) const
    {
        const Index pair = i % pairs;
        const Index batch = i / pairs / shape.heads;
        const Index head = i / pairs % shape.heads;
        double angle = 0.0;
        for (Index t = 0; t < shape.keys; ++t) {
            angle += static_cast<double>(gateAt(rates, batch, head, t, pair, 0.0F)) *
                     static_cast<double>(gateAt(steps, batch, head, t, 0, 1.0F));
            double sine = 0.0;
            double cosine = 1.0;
            sincos(angle, &sine, &cosine);
            to[((batch * shape.heads + head) * shape.keys + t) * pairs + pair] =
                make_float2(static_cast<float>(cosine), static_cast<float>(sine));
        }
    }
};

template <class T>
struct TurnRows {
    Turn turn;
    Shape shape;

    __device__ void operator()(Index i) const
    {
        const Index col = i % turn.cols;
        const Index row = i / turn.cols % turn.rows;
        const Index unit = i / turn.cols / turn.rows;
        const Index other = unit / shape.heads * turn.heads + unit % shape.heads * turn.heads / shape.heads;
        const T* const from = static_cast<const T*>(turn.from) + (other * turn.rows + row) * turn.cols;
        const Index half = turn.cols / 2;
        const Index pair = turn.halves ? col % (half > 0 ? half : 1) : col / 2;
        const bool second = turn.halves ? col >= half : col % 2 != 0;
        float x = asFloat(from[col]);
        if (pair < turn.pairs && pair < half && col < 2 * half) {
            const Index fellow = turn.halves ? (second ? col - half : col + half) : (second ? col - 1 : col + 1);
            const float y = asFloat(from[fellow]);
            const float2 angle = reinterpret_cast<const float2*>(turn.angles)[(unit * shape.keys + turn.first + row) * turn.pairs + pair];
            x = second ? fmaf(y, angle.y, x * angle.x) : fmaf(-y, angle.y, x * angle.x);
        }
        assign(static_cast<T*>(turn.to)[i], x);
    }
};

template <class T>
cudaError_t spread(const Gate& from, Index firstRow, Index batch, const Shape& s, Index rows, Index cols, void* to, cudaStream_t stream)
{
    return forEach(batch * s.heads * rows * cols, Spread<T>{from, firstRow, s.heads, rows, cols, static_cast<T*>(to)}, stream);
}

template <class T>
cudaError_t turnRows(const Turn& turn, const Shape& s, cudaStream_t stream)
{
    return forEach(s.batch * s.heads * turn.rows * turn.cols, TurnRows<T>{turn, s}, stream);
}

} // namespace

cudaError_t launchSpread(const Gate& from, Index firstRow, Index batch, const Shape& s, Index rows, Index cols, void* to, Dtype dtype,
                         cudaStream_t stream)
{
    if (dtype == Dtype::F16)
        return spread<__half>(from, firstRow, batch, s, rows, cols, to, stream);
    return dtype == Dtype::BF16 ? spread<__nv_bfloat16>(from, firstRow, batch, s, rows, cols, to, stream)
                                : spread<float>(from, firstRow, batch, s, rows, cols, to, stream);
}

cudaError_t launchTrapezoid(const Gate& steps, const Gate& shares, const Shape& s, float* strengths, float* own, cudaStream_t stream)
{
    return forEach(s.batch * s.heads * s.keys, Trapezoid{steps, shares, s, strengths, own}, stream);
}

cudaError_t launchGatedStrengths(const Gate& logDecay, const Gate& input, bool whole, const Shape& s, float* strengths, cudaStream_t stream)
{
    return forEach(s.batch * s.heads * s.keys, GatedStrengths{logDecay, input, whole, s, strengths}, stream);
}

cudaError_t launchAngles(const Gate& rates, const Gate& steps, const Shape& s, Index pairs, float* to, cudaStream_t stream)
{
    return forEach(s.batch * s.heads * pairs, Angles{rates, steps, s, pairs, reinterpret_cast<float2*>(to)}, stream);
}

cudaError_t launchTurn(const Turn& turn, const Shape& s, Dtype dtype, cudaStream_t stream)
{
    if (dtype == Dtype::F16)
        return turnRows<__half>(turn, s, stream);
    return dtype == Dtype::BF16 ? turnRows<__nv_bfloat16>(turn, s, stream) : turnRows<float>(turn, s, stream);
}

} // namespace attnscope::kernels
