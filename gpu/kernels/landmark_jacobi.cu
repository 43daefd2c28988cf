// SPDX-License-Identifier: GPL-3.0-or-later
// The exact pseudo-inverse of small matrices by one-sided Jacobi rotations: A V = G^T with orthogonal rows of G, hence A⁺ = V (G / |g|²).
//
// Hestenes' method (1958); the rounds of a tournament make its pairs disjoint, so that a warp turns each.
//
// Ladder: one version, one block a head; not timed.
#include "gpu/kernels/landmark_middle.h"

#include <cmath>

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 1024;
constexpr int kWarps = kThreads / 32;
constexpr double kOrthogonal = 1e-15; // a cosine that isn't turned away

__device__ double sumOfWarp(double x)
{
    for (int step = 16; step > 0; step /= 2)
        x += __shfl_xor_sync(0xFFFFFFFFU, x, step);
    return x;
}

__device__ void rotate(double* x, double* y, int size, double c, double s)
{
    for (int i = static_cast<int>(threadIdx.x) % 32; i < size; i += 32) {
        const double a = x[i];
        const double b = y[i];
        x[i] = c * a - s * b;
        y[i] = s * a + c * b;
    }
}

/// Makes rows p and q of g orthogonal; whether there was anything to do.
__device__ bool turn(double* g, double* v, int p, int q, int size)
{
    double* x = g + static_cast<Index>(p) * size;
    double* y = g + static_cast<Index>(q) * size;
    double xx = 0.0;
    double yy = 0.0;
    double xy = 0.0;
    for (int i = static_cast<int>(threadIdx.x) % 32; i < size; i += 32) {
        xx = fma(x[i], x[i], xx);
        yy = fma(y[i], y[i], yy);
        xy = fma(x[i], y[i], xy);
    }
    xx = sumOfWarp(xx);
    yy = sumOfWarp(yy);
    xy = sumOfWarp(xy);
    if (!(fabs(xy) > kOrthogonal * sqrt(xx * yy)))
        return false;
    const double zeta = (yy - xx) / (2.0 * xy);
    const double t = copysign(1.0, zeta) / (fabs(zeta) + sqrt(1.0 + zeta * zeta));
    const double c = 1.0 / sqrt(1.0 + t * t);
    __syncwarp();
    rotate(x, y, size, c, c * t);
    rotate(v + static_cast<Index>(p) * size, v + static_cast<Index>(q) * size, size, c, c * t);
    return true;
}

/// One head a block.
__global__ void __launch_bounds__(kThreads) jacobiSweep(double* g, double* v, const int* before, int* turned, int size)
{
    __shared__ int count;
    if (threadIdx.x == 0)
        count = 0;
    __syncthreads();
    if (before == nullptr || before[blockIdx.x] > 0) {
        double* mine = g + static_cast<Index>(blockIdx.x) * size * size;
        double* vectors = v + static_cast<Index>(blockIdx.x) * size * size;
        const int players = size + size % 2; // the last one pauses where the size is odd
        for (int round = 0; round < players - 1; ++round) {
            for (int pair = static_cast<int>(threadIdx.x) / 32; pair < players / 2; pair += kWarps) {
                const int p = pair == 0 ? players - 1 : (round + pair) % (players - 1);
                const int q = (round + players - 1 - pair) % (players - 1);
                if (p < size && q < size && turn(mine, vectors, min(p, q), max(p, q), size) && threadIdx.x % 32 == 0)
                    atomicAdd(&count, 1);
            }
            __syncthreads();
        }
    }
    __syncthreads();
    if (threadIdx.x == 0)
        turned[blockIdx.x] = count;
}

/// One row a block of one warp: g = column of a, v = row of I.
__global__ void jacobiStart(const double* a, double* g, double* v, int size)
{
    const Index head = static_cast<Index>(blockIdx.y) * size * size;
    const int row = static_cast<int>(blockIdx.x);
    for (int i = static_cast<int>(threadIdx.x); i < size; i += 32) {
        g[head + static_cast<Index>(row) * size + i] = a[head + static_cast<Index>(i) * size + row];
        v[head + static_cast<Index>(row) * size + i] = i == row ? 1.0 : 0.0;
    }
}

/// One head a block: the squared length of each row, then all of it.
__global__ void __launch_bounds__(kThreads) jacobiEnd(double* g, const double* v, double* vt, int size)
{
    __shared__ double longest[kWarps];
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    double* mine = g + static_cast<Index>(blockIdx.x) * size * size;
    const auto square = [&](int row) {
        double sum = 0.0;
        for (int i = lane; i < size; i += 32)
            sum = fma(mine[static_cast<Index>(row) * size + i], mine[static_cast<Index>(row) * size + i], sum);
        return sumOfWarp(sum);
    };
    double most = 0.0;
    for (int row = warp; row < size; row += kWarps)
        most = fmax(most, square(row));
    if (lane == 0)
        longest[warp] = most;
    __syncthreads();
    for (const double other : longest)
        most = fmax(most, other);
    const double least = static_cast<double>(size) * 0x1p-23 * sqrt(most);
    for (int row = warp; row < size; row += kWarps) {
        const double length = square(row);
        const double by = sqrt(length) > least ? 1.0 / length : 0.0;
        for (int i = lane; i < size; i += 32) {
            mine[static_cast<Index>(row) * size + i] *= by;
            vt[(static_cast<Index>(blockIdx.x) * size + i) * size + row] = v[(static_cast<Index>(blockIdx.x) * size + row) * size + i];
        }
    }
}

} // namespace

cudaError_t launchJacobiStart(const double* a, double* g, double* v, SquareMatrices m, cudaStream_t stream)
{
    jacobiStart<<<dim3(static_cast<unsigned>(m.size), static_cast<unsigned>(m.heads)), 32, 0, stream>>>(a, g, v, static_cast<int>(m.size));
    return cudaGetLastError();
}

cudaError_t launchJacobiSweep(double* g, double* v, const int* before, int* turned, SquareMatrices m, cudaStream_t stream)
{
    jacobiSweep<<<static_cast<unsigned>(m.heads), kThreads, 0, stream>>>(g, v, before, turned, static_cast<int>(m.size));
    return cudaGetLastError();
}

cudaError_t launchJacobiEnd(double* g, const double* v, double* vt, SquareMatrices m, cudaStream_t stream)
{
    jacobiEnd<<<static_cast<unsigned>(m.heads), kThreads, 0, stream>>>(g, v, vt, static_cast<int>(m.size));
    return cudaGetLastError();
}

} // namespace attnscope::kernels
