// SPDX-License-Identifier: GPL-3.0-or-later
// Linear randomized attention in float32 on CUDA cores, in all number formats.
//
// Ladder: one version, right before fast: a block holds 16 proposals (or queries) and meets 32 keys (or proposals) at a time.
#include "gpu/kernels/few_rows.cuh"
#include "gpu/kernels/lara.h"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using namespace rows16;

constexpr float kLeastWeight = 1e-8F; // the official clamp

__device__ Index kvOf(const LaraProblem& p, Index head)
{
    return head / p.shape.heads * p.kvHeads + head % p.shape.heads * p.kvHeads / p.shape.heads;
}

/// One proposal of one head a block: its centre, and its density beside the others'.
__global__ void __launch_bounds__(kThreads) centres(const LaraProblem p)
{
    __shared__ double tops[kThreads];
    __shared__ double sums[kThreads];
    const auto head = static_cast<Index>(blockIdx.y);
    const auto own = static_cast<Index>(blockIdx.x);
    const Index dim = p.shape.dim;
    const double* const q = p.queryCentres + head * p.proposals * dim;
    const double* const k = p.keyCentres + kvOf(p, head) * p.proposals * dim;
    for (Index c = threadIdx.x; c < dim; c += kThreads)
        p.mu[(head * p.proposals + own) * dim + c] = static_cast<float>(q[own * dim + c] + k[own * dim + c]);
    const auto logXi = [&](Index other) {
        double sum = 0.0;
        for (Index c = 0; c < dim; ++c) {
            const double x = q[other * dim + c] + k[other * dim + c];
            sum += x * (q[own * dim + c] + k[own * dim + c] - x / 2.0);
        }
        return sum * static_cast<double>(p.scale);
    };
    double top = -INFINITY;
    double sum = 0.0;
    for (Index other = threadIdx.x; other < p.proposals; other += kThreads) {
        const double x = logXi(other);
        const double most = fmax(top, x);
        sum = sum * exp(top - most) + exp(x - most);
        top = most;
    }
    tops[threadIdx.x] = top;
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x != 0)
        return;
    for (int i = 1; i < kThreads; ++i) {
        const double most = fmax(top, tops[i]);
        sum = sum * exp(top - most) + sums[i] * exp(tops[i] - most);
        top = most;
    }
    const double mine = logXi(own);
    const double all = top + log(sum);
    p.balance[head * p.proposals + own] = static_cast<float>(exp(mine - all));
    p.density[head * p.proposals + own] = static_cast<float>(p.corrected ? mine : all);
}

/// What `sums` streams: all keys with values for mu, or all queries without for the mean queries.
template <class T>
struct Stream {
    const float* rows; ///< [B H, C, D]
    const T* keys;
    const T* values; ///< null: none
    Index count;     ///< of keys
    int valueDim;
    bool ofQueries;
    bool halved; ///< logits less |k|² / 2
};

/// Top, total and sums of 16 proposals over one part of the keys, into scratch [heads, splits, C, Dv + 2].
template <class T>
__global__ void __launch_bounds__(kThreads) sums(const LaraProblem p, const Stream<T> s, Index firstHead)
{
    extern __shared__ float shared[];
    const int dim = static_cast<int>(p.shape.dim);
    float* const mine = shared;
    float* const keys = mine + kRows * (dim + 1);
    Softmax softmax(keys + kKeys * (dim + 1), s.valueDim);
    const Index head = firstHead + blockIdx.z;
    const Index from = s.ofQueries ? head : kvOf(p, head);
    const Index first = static_cast<Index>(blockIdx.x) * kRows;
    const Index begin = s.count * blockIdx.y / gridDim.y;
    const Index end = s.count * (blockIdx.y + 1) / gridDim.y;
    loadRows(mine, s.rows + head * p.proposals * dim, first, p.proposals, kRows, dim);
    for (Index j = begin; j < end; j += kKeys) {
        __syncthreads();
        loadRows(keys, s.keys + from * s.count * dim, j, end, kKeys, dim);
        __syncthreads();
        for (int at = static_cast<int>(threadIdx.x); at < kRows * kKeys; at += kThreads) {
            const float* const x = mine + at / kKeys * (dim + 1);
            const float* const y = keys + at % kKeys * (dim + 1);
            const float logit = p.scale * (s.halved ? halvedDot(x, y, dim) : dotOf(x, y, dim));
            softmax.weights[at / kKeys * kPitch + at % kKeys] = j + at % kKeys < end ? logit : -INFINITY;
        }
        const T* const values = s.values + (from * s.count + j) * s.valueDim;
        softmax.add([&](int key, int col) { return j + key < end ? widen(values[key * s.valueDim + col]) : 0.0F; });
    }
    __syncthreads();
    const int width = s.valueDim + 2;
    for (int at = static_cast<int>(threadIdx.x); at < kRows * width; at += kThreads) {
        const int row = at / width;
        const int col = at % width;
        if (first + row >= p.proposals)
            continue;
        float* const to = p.scratch + ((head * gridDim.y + blockIdx.y) * p.proposals + first + row) * width;
        to[col] = col < s.valueDim ? softmax.sums[row * s.valueDim + col] : col == s.valueDim ? softmax.top[row] : softmax.total[row];
    }
}

/// One proposal a block: its parts together.
__global__ void merge(const LaraProblem p, int valueDim, bool fit, Index firstHead)
{
    const Index head = firstHead + blockIdx.y;
    const Index c = blockIdx.x;
    const int width = valueDim + 2;
    const auto part = [&](Index split) { return p.scratch + ((head * p.splits + split) * p.proposals + c) * width; };
    float top = -INFINITY;
    for (Index split = 0; split < p.splits; ++split)
        top = fmaxf(top, part(split)[valueDim]);
    double total = 0.0;
    for (Index split = 0; split < p.splits; ++split)
        total += static_cast<double>(part(split)[valueDim + 1]) * static_cast<double>(expf(part(split)[valueDim] - top));
    for (int col = static_cast<int>(threadIdx.x); col < valueDim; col += static_cast<int>(blockDim.x)) {
        double sum = 0.0;
        for (Index split = 0; split < p.splits; ++split)
            sum += static_cast<double>(part(split)[col]) * static_cast<double>(expf(part(split)[valueDim] - top));
        p.values[(head * p.proposals + c) * valueDim + col] = static_cast<float>(sum / total);
    }
    if (threadIdx.x == 0)
        (fit ? p.logFit : p.logKeys)[head * p.proposals + c] = static_cast<float>(static_cast<double>(top) + log(total));
}

/// 16 queries a block.
template <class T>
__global__ void __launch_bounds__(kThreads) queries(const LaraProblem p, Index firstHead)
{
    extern __shared__ float shared[];
    const int dim = static_cast<int>(p.shape.dim);
    const int valueDim = static_cast<int>(p.shape.valueDim);
    float* const q = shared;
    float* const mu = q + kRows * (dim + 1);
    float* const means = mu + kKeys * (dim + 1);
    float* const mean = means + kKeys * (dim + 1); // of t over the proposals, a query each
    Softmax softmax(mean + kRows, valueDim);
    const Index head = firstHead + blockIdx.y;
    const Index first = static_cast<Index>(blockIdx.x) * kRows;
    const Index base = head * p.proposals;
    loadRows(q, static_cast<const T*>(p.q) + head * p.shape.queries * dim, first, p.shape.queries, kRows, dim);
    const auto fitOf = [&](int at, Index c) {
        return expf(p.scale * dotOf(q + at / kKeys * (dim + 1), means + at % kKeys * (dim + 1), dim) - p.logFit[base + c]);
    };
    if (threadIdx.x < kRows)
        mean[threadIdx.x] = 0.0F;
    for (Index c0 = 0; p.corrected && c0 < p.proposals; c0 += kKeys) {
        __syncthreads();
        loadRows(means, p.queryMeans + base * dim, c0, p.proposals, kKeys, dim);
        __syncthreads();
        for (int at = static_cast<int>(threadIdx.x); at < kRows * kKeys; at += kThreads)
            softmax.weights[at / kKeys * kPitch + at % kKeys] = c0 + at % kKeys < p.proposals ? fitOf(at, c0 + at % kKeys) : 0.0F;
        __syncthreads();
        for (int j = 0; j < kKeys && threadIdx.x < kRows; ++j)
            mean[threadIdx.x] += softmax.weights[threadIdx.x * kPitch + j] / static_cast<float>(p.proposals);
    }
    for (Index c0 = 0; c0 < p.proposals; c0 += kKeys) {
        __syncthreads();
        loadRows(mu, p.mu + base * dim, c0, p.proposals, kKeys, dim);
        if (p.corrected)
            loadRows(means, p.queryMeans + base * dim, c0, p.proposals, kKeys, dim);
        __syncthreads();
        for (int at = static_cast<int>(threadIdx.x); at < kRows * kKeys; at += kThreads) {
            const int row = at / kKeys;
            const Index c = c0 + at % kKeys;
            float logit = -INFINITY;
            if (c < p.proposals) {
                logit = (p.biased ? 2.0F : 1.0F) * p.scale * dotOf(q + row * (dim + 1), mu + at % kKeys * (dim + 1), dim) +
                        (p.logKeys[base + c] - p.density[base + c]);
                if (p.corrected)
                    logit += logf(fmaxf(p.balance[base + c] + (fitOf(at, c) - mean[row]), kLeastWeight));
            }
            softmax.weights[row * kPitch + at % kKeys] = logit;
        }
        const float* const values = p.values + (base + c0) * valueDim;
        softmax.add([&](int key, int col) { return c0 + key < p.proposals ? values[key * valueDim + col] : 0.0F; });
    }
    T* const o = static_cast<T*>(p.o) + (head * p.shape.queries + first) * valueDim;
    for (int at = static_cast<int>(threadIdx.x); at < kRows * valueDim; at += kThreads)
        if (first + at / valueDim < p.shape.queries)
            narrow(o[at], softmax.sums[at] / softmax.total[at / valueDim]);
}

unsigned tilesOf(Index rows) { return static_cast<unsigned>((rows + kRows - 1) / kRows); }

template <class T>
cudaError_t startSums(const LaraProblem& p, bool fit, Index first, Index last, cudaStream_t stream)
{
    const Stream<T> s{fit ? p.queryMeans : p.mu,
                      static_cast<const T*>(fit ? p.q : p.k),
                      fit ? nullptr : static_cast<const T*>(p.v),
                      fit ? p.shape.queries : p.shape.keys,
                      fit ? 0 : static_cast<int>(p.shape.valueDim),
                      fit,
                      !fit};
    const int bytes = 4 * ((kRows + kKeys) * static_cast<int>(p.shape.dim + 1) + softmaxFloats(s.valueDim));
    const auto heads = static_cast<unsigned>(last - first);
    if (const auto status = cudaFuncSetAttribute(sums<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes); status != cudaSuccess)
        return status;
    sums<T><<<dim3(tilesOf(p.proposals), static_cast<unsigned>(p.splits), heads), kThreads, bytes, stream>>>(p, s, first);
    merge<<<dim3(static_cast<unsigned>(p.proposals), heads), 64, 0, stream>>>(p, s.valueDim, fit, first);
    return cudaGetLastError();
}

template <class T>
cudaError_t startQueries(const LaraProblem& p, Index first, Index last, cudaStream_t stream)
{
    const int bytes =
        4 * ((kRows + 2 * kKeys) * static_cast<int>(p.shape.dim + 1) + kRows + softmaxFloats(static_cast<int>(p.shape.valueDim)));
    if (const auto status = cudaFuncSetAttribute(queries<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes); status != cudaSuccess)
        return status;
    queries<T><<<dim3(tilesOf(p.shape.queries), static_cast<unsigned>(last - first)), kThreads, bytes, stream>>>(p, first);
    return cudaGetLastError();
}

} // namespace

Index laraSplits(Index rows, Index proposals, Index heads, int multiprocessors)
{
    const Index blocks = (proposals + kRows - 1) / kRows * heads;
    return std::clamp<Index>(8 * static_cast<Index>(multiprocessors) / blocks, 1, std::max<Index>(1, rows / 128));
}

Index laraScratch(const LaraProblem& p) { return p.shape.batch * p.shape.heads * p.splits * p.proposals * (p.shape.valueDim + 2); }

cudaError_t launchLaraCentres(const LaraProblem& p, cudaStream_t stream)
{
    centres<<<dim3(static_cast<unsigned>(p.proposals), static_cast<unsigned>(p.shape.batch * p.shape.heads)), kThreads, 0, stream>>>(p);
    return cudaGetLastError();
}

cudaError_t launchLaraSums(const LaraProblem& p, bool fit, Index first, Index last, cudaStream_t stream)
{
    if (p.dtype == Dtype::F16)
        return startSums<__half>(p, fit, first, last, stream);
    return p.dtype == Dtype::BF16 ? startSums<__nv_bfloat16>(p, fit, first, last, stream) : startSums<float>(p, fit, first, last, stream);
}

cudaError_t launchLaraQueries(const LaraProblem& p, Index first, Index last, cudaStream_t stream)
{
    if (p.dtype == Dtype::F16)
        return startQueries<__half>(p, first, last, stream);
    return p.dtype == Dtype::BF16 ? startQueries<__nv_bfloat16>(p, first, last, stream) : startQueries<float>(p, first, last, stream);
}

} // namespace attnscope::kernels
