// SPDX-License-Identifier: GPL-3.0-or-later
// Averages of the values that each query sees: sums of chunks, their running sums, then each chunk of queries moves both ends of its
// window.
//
// Ladder (version, measured on an H100 80GB, 8 heads, D = 64, bf16):
//   1  chunks of 256 keys in float64, one thread a column. Measured: 0.094 ms at n = 16,384 and 0.88 at 262,144, causal 0.160 and 1.53.
//      Lesson: the 34 MB that it moves at n = 16,384 would take some 0.011 ms, so each thread's chain of loads and float64 sums sets the
//      time, not the memory.
#include "gpu/kernels/average.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr Index kChunk = 256; // keys of a sum, and queries of a block
constexpr unsigned kMostThreads = 256;

struct Args {
    const void* v;
    void* o;
    double* sums; // [B Hkv, chunks + 1, Dv]: of all values before each chunk
    Index queries, keys, chunks;
    int heads, kvHeads, valueDim;
    bool causal;
    Index window;
};

__device__ float wide(float x) { return x; }
__device__ float wide(__half x) { return __half2float(x); }
__device__ float wide(__nv_bfloat16 x) { return __bfloat162float(x); }

template <class T>
__global__ void sumChunks(const Args a)
{
    const T* rows = static_cast<const T*>(a.v) + static_cast<Index>(blockIdx.y) * a.keys * a.valueDim;
    const Index first = static_cast<Index>(blockIdx.x) * kChunk;
    const Index last = min(a.keys, first + kChunk);
    double* to = a.sums + (static_cast<Index>(blockIdx.y) * (a.chunks + 1) + blockIdx.x + 1) * a.valueDim;
    for (int c = static_cast<int>(threadIdx.x); c < a.valueDim; c += static_cast<int>(blockDim.x)) {
        double sum = 0.0;
#pragma unroll 8
        for (Index j = first; j < last; ++j)
            sum += static_cast<double>(wide(rows[j * a.valueDim + c]));
        to[c] = sum;
    }
}

__global__ void addUp(const Args a)
{
    double* sums = a.sums + static_cast<Index>(blockIdx.y) * (a.chunks + 1) * a.valueDim;
    const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (c >= a.valueDim)
        return;
    double sum = 0.0;
    sums[c] = 0.0;
#pragma unroll 8
    for (Index chunk = 1; chunk <= a.chunks; ++chunk)
        sums[chunk * a.valueDim + c] = sum += sums[chunk * a.valueDim + c];
}

/// Keys that query i sees, as KeyMask has it.
struct Seen {
    Index first, last;
    __device__ Seen(const Args& a, Index query)
    {
        const Index place = query + a.keys - a.queries;
        const Index end = a.causal ? place + 1 : a.window > 0 ? place + a.window : a.keys;
        first = a.window > 0 ? min(max(place + 1 - a.window, Index{0}), a.keys) : 0;
        last = min(max(end, Index{0}), a.keys);
    }
};

template <class T>
__device__ double sumBefore(const Args& a, const T* rows, const double* sums, Index key, int c)
{
    double sum = sums[key / kChunk * a.valueDim + c];
    for (Index j = key / kChunk * kChunk; j < key; ++j)
        sum += static_cast<double>(wide(rows[j * a.valueDim + c]));
    return sum;
}

template <class T>
__global__ void average(const Args a)
{
    const int head = static_cast<int>(blockIdx.y);
    const int kv = head / a.heads * a.kvHeads + head % a.heads * a.kvHeads / a.heads;
    const T* rows = static_cast<const T*>(a.v) + static_cast<Index>(kv) * a.keys * a.valueDim;
    const double* sums = a.sums + static_cast<Index>(kv) * (a.chunks + 1) * a.valueDim;
    T* out = static_cast<T*>(a.o) + static_cast<Index>(head) * a.queries * a.valueDim;
    const Index begin = static_cast<Index>(blockIdx.x) * kChunk;
    const Index end = min(a.queries, begin + kChunk);
    for (int c = static_cast<int>(threadIdx.x); c < a.valueDim; c += static_cast<int>(blockDim.x)) {
        const Seen start(a, begin);
        Index first = start.first;
        Index last = start.last;
        double sum = sumBefore(a, rows, sums, last, c) - sumBefore(a, rows, sums, first, c);
        for (Index i = begin; i < end; ++i) {
            const Seen seen(a, i);
            for (; last < seen.last; ++last)
                sum += static_cast<double>(wide(rows[last * a.valueDim + c]));
            for (; first < seen.first; ++first)
                sum -= static_cast<double>(wide(rows[first * a.valueDim + c]));
            const Index count = last - first;
            out[i * a.valueDim + c] = static_cast<T>(count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : 0.0F);
        }
    }
}

template <class T>
cudaError_t launch(const Args& a, Index heads, Index kvHeads, cudaStream_t stream)
{
    const auto threads = static_cast<unsigned>(std::min<Index>((a.valueDim + 31) / 32 * 32, kMostThreads));
    const auto width = static_cast<unsigned>(a.valueDim);
    sumChunks<T><<<dim3(static_cast<unsigned>(a.chunks), static_cast<unsigned>(kvHeads)), threads, 0, stream>>>(a);
    addUp<<<dim3((width + 31) / 32, static_cast<unsigned>(kvHeads)), 32, 0, stream>>>(a);
    average<T><<<dim3(static_cast<unsigned>((a.queries + kChunk - 1) / kChunk), static_cast<unsigned>(heads)), threads, 0, stream>>>(a);
    return cudaGetLastError();
}

Index chunksOf(const AverageProblem& p) { return (p.shape.keys + kChunk - 1) / kChunk; }

} // namespace

std::size_t averageBytes(const AverageProblem& p)
{
    return sizeof(double) * static_cast<std::size_t>(p.shape.batch * p.kvHeads * (chunksOf(p) + 1) * p.shape.valueDim);
}

cudaError_t launchAverage(const AverageProblem& p, void* scratch, cudaStream_t stream)
{
    const Shape& s = p.shape;
    const Args args{p.v,
                    p.o,
                    static_cast<double*>(scratch),
                    s.queries,
                    s.keys,
                    chunksOf(p),
                    static_cast<int>(s.heads),
                    static_cast<int>(p.kvHeads),
                    static_cast<int>(s.valueDim),
                    p.causal,
                    p.window};
    const Index heads = s.batch * s.heads;
    const Index kvHeads = s.batch * p.kvHeads;
    if (p.dtype == Dtype::F16)
        return launch<__half>(args, heads, kvHeads, stream);
    return p.dtype == Dtype::BF16 ? launch<__nv_bfloat16>(args, heads, kvHeads, stream) : launch<float>(args, heads, kvHeads, stream);
}

} // namespace attnscope::kernels
