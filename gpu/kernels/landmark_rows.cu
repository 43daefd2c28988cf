// SPDX-License-Identifier: GPL-3.0-or-later
// Landmarks: one pass over the tokens, in float64 beyond the first 16 terms, so that nearly singular matrices made of them are right.
//
// Ladder: one version; predicted 0.1 ms an array of 268 MB; measured only within the methods' runs (landmark_few_keys.cu).
#include "gpu/kernels/landmark_rows.h"
#include "gpu/kernels/landmark_tiles.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

using few::isAligned;
using few::loadColumns;

constexpr int kThreads = 256;
constexpr int kTerms = 16;         // added in float32 at a time
constexpr Index kFewestRows = 128; // of a chunk
constexpr int kBlocksEach = 16;

struct PoolArgs {
    const void* x;
    double* parts; // [heads, count, chunks, cols]
    const Index* starts;
    const double* weights;
    Index rows;
    int cols, count, chunks;
    bool maxima;
};

/// One chunk of a segment a block; `Each` columns a thread.
template <class T, int Each>
__global__ void __launch_bounds__(kThreads) poolSegments(const PoolArgs a)
{
    __shared__ double shared[kThreads * Each];
    const int segment = static_cast<int>(blockIdx.x);
    const Index head = blockIdx.z;
    const Index begin = a.starts[segment];
    const Index length = a.starts[segment + 1] - begin;
    const Index from = begin + length * blockIdx.y / gridDim.y;
    const Index to = begin + length * (blockIdx.y + 1) / gridDim.y;
    const int groups = (a.cols + Each - 1) / Each;
    const int lanes = kThreads / groups;
    const int group = static_cast<int>(threadIdx.x) % groups;
    const int lane = static_cast<int>(threadIdx.x) / groups;
    const T* x = static_cast<const T*>(a.x) + head * a.rows * a.cols;
    double sum[Each];
    for (double& s : sum)
        s = a.maxima ? -INFINITY : 0.0;
    for (Index row = from + lane; row < to && lane < lanes; row += static_cast<Index>(lanes) * kTerms) {
        float few[Each] = {};
#pragma unroll 4
        for (int i = 0; i < kTerms; ++i) {
            const Index at = row + static_cast<Index>(i) * lanes;
            if (at >= to)
                break;
            float values[Each];
            loadColumns(values, x + at * a.cols, group * Each, a.cols, Each > 1);
#pragma unroll
            for (int c = 0; c < Each; ++c)
                if (a.maxima)
                    sum[c] = fmax(sum[c], static_cast<double>(values[c]));
                else if (a.weights != nullptr)
                    sum[c] += a.weights[at] * static_cast<double>(values[c]);
                else
                    few[c] += values[c];
        }
        if (!a.maxima && a.weights == nullptr)
#pragma unroll
            for (int c = 0; c < Each; ++c)
                sum[c] += static_cast<double>(few[c]);
    }
#pragma unroll
    for (int c = 0; c < Each; ++c)
        shared[threadIdx.x * Each + c] = sum[c];
    __syncthreads();
    for (int col = static_cast<int>(threadIdx.x); col < a.cols; col += kThreads) {
        double all = a.maxima ? -INFINITY : 0.0;
        for (int i = 0; i < lanes; ++i) {
            const double part = shared[(i * groups + col / Each) * Each + col % Each];
            all = a.maxima ? fmax(all, part) : all + part;
        }
        a.parts[((head * a.count + segment) * a.chunks + blockIdx.y) * a.cols + col] = all;
    }
}

__global__ void finishPooling(const PoolArgs a, LandmarkRows to, Index total)
{
    const Index at = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
    if (at >= total)
        return;
    const Index row = at / a.cols;
    const int col = static_cast<int>(at % a.cols);
    double all = a.maxima ? -INFINITY : 0.0;
    for (int i = 0; i < a.chunks; ++i) {
        const double part = a.parts[(row * a.chunks + i) * a.cols + col];
        all = a.maxima ? fmax(all, part) : all + part;
    }
    const int segment = static_cast<int>(row % a.count);
    if (!a.maxima && a.weights == nullptr)
        all /= static_cast<double>(a.starts[segment + 1] - a.starts[segment]);
    if (to.narrow != nullptr)
        to.narrow[at] = static_cast<float>(all);
    if (to.wide != nullptr)
        to.wide[at] = all;
}

template <class T>
void startPooling(const PoolArgs& args, Index heads, cudaStream_t stream)
{
    const dim3 grid(static_cast<unsigned>(args.count), static_cast<unsigned>(args.chunks), static_cast<unsigned>(heads));
    if (isAligned<T>(args.cols))
        poolSegments<T, 16 / sizeof(T)><<<grid, kThreads, 0, stream>>>(args);
    else
        poolSegments<T, 1><<<grid, kThreads, 0, stream>>>(args);
}

template <class T>
__global__ void gatherRows(const RowGathering p)
{
    const Index row = blockIdx.x; // of B heads count
    const Index head = row / p.count;
    const Index batch = head / p.heads;
    const Index place = p.places[row % p.count];
    const bool inX = place < p.rows;
    const Index heads = inX ? p.xHeads : p.yHeads;
    const Index from = batch * heads + head % p.heads * heads / p.heads;
    const T* source = inX ? static_cast<const T*>(p.x) + (from * p.rows + place) * p.cols
                          : static_cast<const T*>(p.y) + (from * p.yRows + place - p.rows) * p.cols;
    for (Index c = threadIdx.x; c < p.cols; c += blockDim.x) {
        const float x = few::widen(source[c]);
        if (p.to.narrow != nullptr)
            p.to.narrow[row * p.cols + c] = x;
        if (p.to.wide != nullptr)
            p.to.wide[row * p.cols + c] = static_cast<double>(x);
    }
}

/// One point a warp; the first of equally near centres.
__global__ void findNearest(const double* points, const double* centres, int* nearest, int pointCount, int count, int cols)
{
    const int point = static_cast<int>(blockIdx.x) * (kThreads / 32) + static_cast<int>(threadIdx.x) / 32;
    if (point >= pointCount)
        return;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const Index head = blockIdx.y;
    const double* x = points + (head * pointCount + point) * cols;
    double least = INFINITY;
    int best = 0;
    for (int r = lane; r < count; r += 32) {
        const double* centre = centres + (head * count + r) * cols;
        double square = 0.0;
        for (int c = 0; c < cols; ++c)
            square += (centre[c] - x[c]) * (centre[c] - x[c]);
        if (square < least) {
            least = square;
            best = r;
        }
    }
    for (int step = 16; step > 0; step /= 2) {
        const double other = __shfl_xor_sync(0xFFFFFFFFU, least, step);
        const int at = __shfl_xor_sync(0xFFFFFFFFU, best, step);
        if (other < least || (other == least && at < best)) {
            least = other;
            best = at;
        }
    }
    if (lane == 0)
        nearest[head * pointCount + point] = best;
}

/// One centre a block.
__global__ void moveCentres(const double* points, LandmarkRows centres, const int* nearest, int pointCount, int count, int cols)
{
    const Index head = blockIdx.y;
    const int centre = static_cast<int>(blockIdx.x);
    const int* mine = nearest + head * pointCount;
    for (int c = static_cast<int>(threadIdx.x); c < cols; c += static_cast<int>(blockDim.x)) {
        double sum = 0.0;
        int found = 0;
        for (int i = 0; i < pointCount; ++i)
            if (mine[i] == centre) {
                sum += points[(head * pointCount + i) * cols + c];
                ++found;
            }
        if (found == 0)
            continue;
        const Index at = (head * count + centre) * cols + c;
        centres.wide[at] = sum / found;
        centres.narrow[at] = static_cast<float>(sum / found);
    }
}

} // namespace

Index segmentPoolingChunks(const SegmentPooling& p, int multiprocessors)
{
    const Index wanted = (static_cast<Index>(multiprocessors) * kBlocksEach + p.count * p.heads - 1) / (p.count * p.heads);
    return std::clamp<Index>(wanted, 1, std::max<Index>(1, p.rows / p.count / kFewestRows));
}

Index segmentPoolingScratch(const SegmentPooling& p) { return p.heads * p.count * p.chunks * p.cols; }

cudaError_t launchSegmentPooling(const SegmentPooling& p, cudaStream_t stream)
{
    const PoolArgs args{
        p.x,     p.scratch, p.starts, p.weights, p.rows, static_cast<int>(p.cols), static_cast<int>(p.count), static_cast<int>(p.chunks),
        p.maxima};
    if (p.dtype == Dtype::F16)
        startPooling<__half>(args, p.heads, stream);
    else if (p.dtype == Dtype::BF16)
        startPooling<__nv_bfloat16>(args, p.heads, stream);
    else
        startPooling<float>(args, p.heads, stream);
    const Index total = p.heads * p.count * p.cols;
    finishPooling<<<static_cast<unsigned>((total + kThreads - 1) / kThreads), kThreads, 0, stream>>>(args, p.to, total);
    return cudaGetLastError();
}

cudaError_t launchRowGathering(const RowGathering& p, cudaStream_t stream)
{
    const auto blocks = static_cast<unsigned>(p.batch * p.heads * p.count);
    if (p.dtype == Dtype::F16)
        gatherRows<__half><<<blocks, 64, 0, stream>>>(p);
    else if (p.dtype == Dtype::BF16)
        gatherRows<__nv_bfloat16><<<blocks, 64, 0, stream>>>(p);
    else
        gatherRows<float><<<blocks, 64, 0, stream>>>(p);
    return cudaGetLastError();
}

cudaError_t launchLloyd(const double* points, LandmarkRows centres, int* nearest, Index heads, Index pointCount, Index count, Index cols,
                        cudaStream_t stream)
{
    const auto number = [](Index x) { return static_cast<int>(x); };
    constexpr int warps = kThreads / 32;
    findNearest<<<dim3(static_cast<unsigned>((pointCount + warps - 1) / warps), static_cast<unsigned>(heads)), kThreads, 0, stream>>>(
        points, centres.wide, nearest, number(pointCount), number(count), number(cols));
    moveCentres<<<dim3(static_cast<unsigned>(count), static_cast<unsigned>(heads)), 64, 0, stream>>>(
        points, centres, nearest, number(pointCount), number(count), number(cols));
    return cudaGetLastError();
}

} // namespace attnscope::kernels
