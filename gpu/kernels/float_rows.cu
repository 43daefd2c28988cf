// SPDX-License-Identifier: GPL-3.0-or-later
// Float32 rows of inputs in any number format: passes over memory before and after engines that take float32.
//
// Ladder: one version of each pass; not measured apart.
#include "gpu/kernels/float_rows.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

__device__ float widen(float x) { return x; }
__device__ float widen(__half x) { return __half2float(x); }
__device__ float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ void narrow(float& to, float x) { to = x; }
__device__ void narrow(__half& to, float x) { to = __float2half_rn(x); }
__device__ void narrow(__nv_bfloat16& to, float x) { to = __float2bfloat16_rn(x); }

unsigned blocksFor(Index items, Index each) { return static_cast<unsigned>(std::clamp<Index>((items + each - 1) / each, 1, 8192)); }

/// Calls launch(pointer of the format's type).
template <class Launch>
cudaError_t inFormat(Dtype dtype, const void* x, Launch launch)
{
    if (dtype == Dtype::F16)
        launch(static_cast<const __half*>(x));
    else if (dtype == Dtype::BF16)
        launch(static_cast<const __nv_bfloat16*>(x));
    else
        launch(static_cast<const float*>(x));
    return cudaGetLastError();
}

/// The row of `from` that a row [B, heads, rows] stands for.
__device__ Index sourceRow(const RowCopy& c, Index unit, Index row)
{
    return (unit / c.heads * c.fromHeads + unit % c.heads * c.fromHeads / c.heads) * c.rows + row;
}

template <class T>
__global__ void copyRows(const T* from, const RowCopy c)
{
    const Index rows = c.front + c.rows;
    const Index cols = c.cols + c.extra;
    const Index count = c.batch * c.heads * rows * cols;
    for (Index at = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; at < count; at += static_cast<Index>(gridDim.x) * kThreads) {
        const Index col = at % cols;
        const Index row = at / cols % rows - c.front;
        const Index unit = at / cols / rows;
        float value = 0.0F;
        if (col < c.cols)
            value = row < 0 ? c.frontValue : widen(from[sourceRow(c, unit, row) * c.cols + col]);
        else
            value = row < 0 ? 0.0F : 1.0F;
        c.to[at] = value;
    }
}

template <class T>
__device__ float normOf(const T* row, Index cols)
{
    float square = 0.0F;
    for (Index col = threadIdx.x % 32; col < cols; col += 32)
        square = fmaf(widen(row[col]), widen(row[col]), square);
    for (int far = 16; far > 0; far /= 2)
        square += __shfl_xor_sync(0xFFFFFFFFU, square, far);
    return sqrtf(square);
}

template <class T>
__global__ void sumNorms(const T* x, double* sums, Index rows, Index cols)
{
    __shared__ double parts[kWarps];
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index from = rows * blockIdx.x / kNormParts;
    const Index to = rows * (blockIdx.x + 1) / kNormParts;
    double sum = 0.0;
    for (Index row = from + threadIdx.x / 32; row < to; row += kWarps)
        sum += static_cast<double>(normOf(x + (unit * rows + row) * cols, cols));
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        double all = 0.0;
        for (const double part : parts)
            all += part;
        sums[unit * kNormParts + blockIdx.x] = all;
    }
}

__device__ float rootOfTemperature(const UnitRows& u, Index unit)
{
    if (u.tau > 0.0F)
        return sqrtf(u.tau);
    const Index kv = unit / u.copy.heads * u.kvHeads + unit % u.copy.heads * u.kvHeads / u.copy.heads;
    double q = 0.0;
    double k = 0.0;
    for (int part = 0; part < kNormParts; ++part) {
        q += u.qSums[unit * kNormParts + part];
        k += u.kSums[kv * kNormParts + part];
    }
    return static_cast<float>(sqrt(static_cast<double>(u.scale) * q / static_cast<double>(u.queries) * k / static_cast<double>(u.keys)));
}

/// One warp a row.
template <class T>
__global__ void unitRows(const T* from, const UnitRows u)
{
    __shared__ float root;
    const RowCopy& c = u.copy;
    const auto unit = static_cast<Index>(blockIdx.y);
    if (threadIdx.x == 0)
        root = rootOfTemperature(u, unit);
    __syncthreads();
    for (Index row = static_cast<Index>(blockIdx.x) * kWarps + threadIdx.x / 32; row < c.rows;
         row += static_cast<Index>(gridDim.x) * kWarps) {
        const T* const x = from + sourceRow(c, unit, row) * c.cols;
        const float norm = normOf(x, c.cols) + u.padding;
        const float factor = norm > 0.0F ? root / norm : 0.0F;
        for (Index col = threadIdx.x % 32; col < c.cols; col += 32)
            c.to[(unit * c.rows + row) * c.cols + col] = factor * widen(x[col]);
    }
}

template <class T>
__global__ void finishRows(const float* from, T* o, Index rows, Index cols, bool plain)
{
    const Index wide = cols + (plain ? 0 : 1);
    for (Index at = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; at < rows * cols;
         at += static_cast<Index>(gridDim.x) * kThreads) {
        const Index row = at / cols;
        const float share = plain ? 1.0F : from[row * wide + cols];
        narrow(o[at], from[row * wide + at % cols] / (plain ? 1.0F : fmaxf(share, 1.0F - share)));
    }
}

template <class T>
__global__ void scaleRows(T* o, Index count, float factor)
{
    for (Index at = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; at < count; at += static_cast<Index>(gridDim.x) * kThreads)
        narrow(o[at], widen(o[at]) * factor);
}

template <class T>
T* writable(const T* x)
{
    return const_cast<T*>(x);
}

} // namespace

cudaError_t launchRowCopy(const RowCopy& c, cudaStream_t stream)
{
    const Index count = c.batch * c.heads * (c.front + c.rows) * (c.cols + c.extra);
    return inFormat(c.dtype, c.from, [&](const auto* from) { copyRows<<<blocksFor(count, kThreads), kThreads, 0, stream>>>(from, c); });
}

cudaError_t launchNormSums(const void* x, double* sums, Index units, Index rows, Index cols, Dtype dtype, cudaStream_t stream)
{
    const dim3 grid(kNormParts, static_cast<unsigned>(units));
    return inFormat(dtype, x, [&](const auto* from) { sumNorms<<<grid, kThreads, 0, stream>>>(from, sums, rows, cols); });
}

cudaError_t launchUnitRows(const UnitRows& u, cudaStream_t stream)
{
    const dim3 grid(std::min(blocksFor(u.copy.rows, kWarps), 1024U), static_cast<unsigned>(u.copy.batch * u.copy.heads));
    return inFormat(u.copy.dtype, u.copy.from, [&](const auto* from) { unitRows<<<grid, kThreads, 0, stream>>>(from, u); });
}

cudaError_t launchFinishRows(const float* from, void* o, Index rows, Index cols, bool plain, Dtype dtype, cudaStream_t stream)
{
    return inFormat(dtype, o, [&](const auto* to) {
        finishRows<<<blocksFor(rows * cols, kThreads), kThreads, 0, stream>>>(from, writable(to), rows, cols, plain);
    });
}

cudaError_t launchScaleRows(void* o, Index count, float factor, Dtype dtype, cudaStream_t stream)
{
    return inFormat(dtype, o,
                    [&](const auto* to) { scaleRows<<<blocksFor(count, kThreads), kThreads, 0, stream>>>(writable(to), count, factor); });
}

} // namespace attnscope::kernels
