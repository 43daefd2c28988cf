// SPDX-License-Identifier: GPL-3.0-or-later
// EVA in float32 on CUDA cores, in all number formats.
//
// Ladder: one version, right before fast: a block a chunk, then 16 queries a block that meet 32 keys or chunks at a time.
#include "gpu/kernels/eva.h"
#include "gpu/kernels/few_rows.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace rows16;

__device__ Index kvOf(const EvaProblem& p, Index head)
{
    return head / p.shape.heads * p.kvHeads + head % p.shape.heads * p.kvHeads / p.shape.heads;
}

/// The sum of the rows [first, last) of a column over `count`, or over their number where that is 0; 0 of no rows.
template <class T>
__device__ double meanOf(const T* x, Index first, Index last, Index cols, Index count)
{
    double sum = 0.0;
    for (Index i = first; i < last; ++i)
        sum += static_cast<double>(widen(x[i * cols]));
    return sum / static_cast<double>(count > 0 ? count : max(Index{1}, last - first));
}

/// The largest of what the threads hold; `room` [kThreads].
__device__ float largest(float mine, float* room)
{
    __syncthreads();
    room[threadIdx.x] = mine;
    __syncthreads();
    float top = -INFINITY;
    for (int i = 0; i < kThreads; ++i)
        top = fmaxf(top, room[i]);
    __syncthreads();
    return top;
}

/// One chunk of one head a block: the mean of its keys, and its values' mean by softmax of scale (mu . k_j - |k_j|² / 2).
template <class T>
__global__ void __launch_bounds__(kThreads) chunks(const EvaProblem p, Index firstHead)
{
    extern __shared__ float shared[];
    __shared__ float weights[kThreads];
    const Index dim = p.shape.dim;
    const Index valueDim = p.shape.valueDim;
    float* const mu = shared;
    float* const sums = mu + dim; // [Dv]
    const Index head = firstHead + blockIdx.y;
    const Index c = blockIdx.x;
    const Index first = min(p.shape.keys, c * p.chunk);
    const Index last = min(p.shape.keys, (c + 1) * p.chunk);
    const Index offset = p.shape.keys - p.shape.queries;
    const Index count = p.padded ? p.chunk : 0;
    const T* const q = static_cast<const T*>(p.q) + head * p.shape.queries * dim;
    const T* const k = static_cast<const T*>(p.k) + kvOf(p, head) * p.shape.keys * dim;
    const T* const v = static_cast<const T*>(p.v) + kvOf(p, head) * p.shape.keys * valueDim;
    for (Index col = threadIdx.x; col < dim; col += kThreads) {
        const double keys = meanOf(k + col, first, last, dim, count);
        const double queries = meanOf(q + col, max(Index{0}, first - offset), max(Index{0}, last - offset), dim, count);
        p.means[(head * p.chunks + c) * dim + col] = static_cast<float>(keys);
        mu[col] = static_cast<float>((p.causal ? 1.0 : 0.5) * (keys + queries));
    }
    for (Index col = threadIdx.x; col < valueDim; col += kThreads)
        sums[col] = 0.0F;
    float top = -INFINITY;
    float total = 0.0F;
    for (Index j = first; j < last; j += kThreads) {
        __syncthreads();
        float logit = -INFINITY;
        if (j + threadIdx.x < last) {
            const T* const row = k + (j + threadIdx.x) * dim;
            double sum = 0.0;
            for (Index col = 0; col < dim; ++col) {
                const auto x = static_cast<double>(widen(row[col]));
                sum += x * (static_cast<double>(mu[col]) - 0.5 * x);
            }
            logit = static_cast<float>(static_cast<double>(p.scale) * sum);
        }
        const float most = fmaxf(top, largest(logit, weights));
        const float older = expf(top - most);
        weights[threadIdx.x] = expf(logit - most);
        __syncthreads();
        total *= older;
        const int here = static_cast<int>(min(Index{kThreads}, last - j));
        for (int i = 0; i < here; ++i)
            total += weights[i];
        for (Index col = threadIdx.x; col < valueDim; col += kThreads) {
            float sum = sums[col] * older;
            for (int i = 0; i < here; ++i)
                sum = fmaf(weights[i], widen(v[(j + i) * valueDim + col]), sum);
            sums[col] = sum;
        }
        top = most;
    }
    __syncthreads();
    for (Index col = threadIdx.x; col < valueDim; col += kThreads)
        p.values[(head * p.chunks + c) * valueDim + col] = last > first ? sums[col] / total : 0.0F;
}

/// Keys that a query sees exactly, and the chunks before `chunks`.
struct Sight {
    Index first = 0;
    Index last = 0;
    Index chunks = 0;
};

__device__ Sight sightOf(const EvaProblem& p, Index query)
{
    const Index at = query + p.shape.keys - p.shape.queries;
    const Index block = p.window > 0 ? at / p.window * p.window : at;
    if (p.causal)
        return {min(block, at / p.chunk * p.chunk), at + 1, at / p.chunk};
    return {block, p.window > 0 ? min(p.shape.keys, block + p.window) : block, p.chunks};
}

/// 16 queries a block.
template <class T>
__global__ void __launch_bounds__(kThreads) queries(const EvaProblem p, Index head, Index firstTile)
{
    extern __shared__ float shared[];
    __shared__ Sight sights[kRows];
    const int dim = static_cast<int>(p.shape.dim);
    const int valueDim = static_cast<int>(p.shape.valueDim);
    float* const q = shared;
    float* const keys = q + kRows * (dim + 1);
    Softmax softmax(keys + kKeys * (dim + 1), valueDim);
    const Index first = (firstTile + blockIdx.x) * kRows;
    const Index last = min(p.shape.queries, first + kRows) - 1;
    if (threadIdx.x < kRows)
        sights[threadIdx.x] = sightOf(p, min(last, first + threadIdx.x));
    loadRows(q, static_cast<const T*>(p.q) + head * p.shape.queries * dim, first, p.shape.queries, kRows, dim);
    const T* const k = static_cast<const T*>(p.k) + kvOf(p, head) * p.shape.keys * dim;
    const T* const v = static_cast<const T*>(p.v) + kvOf(p, head) * p.shape.keys * valueDim;
    const auto logitOf = [&](int at) { return p.scale * dotOf(q + at / kKeys * (dim + 1), keys + at % kKeys * (dim + 1), dim); };
    const Index end = sightOf(p, last).last;
    for (Index j = sightOf(p, first).first; j < end; j += kKeys) {
        __syncthreads();
        loadRows(keys, k, j, p.shape.keys, kKeys, dim);
        __syncthreads();
        for (int at = static_cast<int>(threadIdx.x); at < kRows * kKeys; at += kThreads) {
            const Sight& sight = sights[at / kKeys];
            const Index key = j + at % kKeys;
            softmax.weights[at / kKeys * kPitch + at % kKeys] = key >= sight.first && key < sight.last ? logitOf(at) : -INFINITY;
        }
        softmax.add([&](int key, int col) { return j + key < p.shape.keys ? widen(v[(j + key) * valueDim + col]) : 0.0F; });
    }
    const Index seen = sightOf(p, last).chunks;
    for (Index c0 = 0; c0 < seen; c0 += kKeys) {
        __syncthreads();
        loadRows(keys, p.means + head * p.chunks * dim, c0, p.chunks, kKeys, dim);
        __syncthreads();
        for (int at = static_cast<int>(threadIdx.x); at < kRows * kKeys; at += kThreads) {
            const Index c = c0 + at % kKeys;
            float logit = c < sights[at / kKeys].chunks ? logitOf(at) : -INFINITY;
            if (p.corrected)
                logit += logf(static_cast<float>(max(Index{1}, min(p.shape.keys, (c + 1) * p.chunk) - min(p.shape.keys, c * p.chunk))));
            softmax.weights[at / kKeys * kPitch + at % kKeys] = logit;
        }
        const float* const values = p.values + (head * p.chunks + c0) * valueDim;
        softmax.add([&](int key, int col) { return c0 + key < p.chunks ? values[key * valueDim + col] : 0.0F; });
    }
    __syncthreads();
    T* const o = static_cast<T*>(p.o) + (head * p.shape.queries + first) * valueDim;
    for (int at = static_cast<int>(threadIdx.x); at < kRows * valueDim; at += kThreads)
        if (first + at / valueDim < p.shape.queries)
            narrow(o[at], softmax.sums[at] / softmax.total[at / valueDim]);
}

template <class T>
cudaError_t startChunks(const EvaProblem& p, Index first, Index last, cudaStream_t stream)
{
    const auto bytes = static_cast<unsigned>(4 * (p.shape.dim + p.shape.valueDim));
    chunks<T><<<dim3(static_cast<unsigned>(p.chunks), static_cast<unsigned>(last - first)), kThreads, bytes, stream>>>(p, first);
    return cudaGetLastError();
}

template <class T>
cudaError_t startQueries(const EvaProblem& p, Index head, Index first, Index last, cudaStream_t stream)
{
    const int bytes = 4 * ((kRows + kKeys) * static_cast<int>(p.shape.dim + 1) + softmaxFloats(static_cast<int>(p.shape.valueDim)));
    if (const auto status = cudaFuncSetAttribute(queries<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes); status != cudaSuccess)
        return status;
    queries<T><<<static_cast<unsigned>(last - first), kThreads, bytes, stream>>>(p, head, first);
    return cudaGetLastError();
}

} // namespace

Index evaTiles(Index queries) { return (queries + kRows - 1) / kRows; }

cudaError_t launchEvaChunks(const EvaProblem& p, Index first, Index last, cudaStream_t stream)
{
    if (p.dtype == Dtype::F16)
        return startChunks<__half>(p, first, last, stream);
    return p.dtype == Dtype::BF16 ? startChunks<__nv_bfloat16>(p, first, last, stream) : startChunks<float>(p, first, last, stream);
}

cudaError_t launchEvaQueries(const EvaProblem& p, Index head, Index first, Index last, cudaStream_t stream)
{
    if (p.dtype == Dtype::F16)
        return startQueries<__half>(p, head, first, last, stream);
    return p.dtype == Dtype::BF16 ? startQueries<__nv_bfloat16>(p, head, first, last, stream)
                                  : startQueries<float>(p, head, first, last, stream);
}

} // namespace attnscope::kernels
