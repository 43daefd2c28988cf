// SPDX-License-Identifier: GPL-3.0-or-later
// What happens among landmarks: small matrices in float64, as inverses magnify what they are rounded by.
//
// Ladder: products of 32 x 32 tiles, one launch each; up to 64 landmarks landmark_small.cu took their place (its ladder). Skyformer with
// 128 rows at n = 16,384, which still uses them, takes 0.612 ms in all on an H100 80GB (2026-11-23).
#include "gpu/kernels/landmark_middle.h"
#include "gpu/kernels/landmark_square.cuh"

#include <cmath>

namespace attnscope::kernels {

namespace {

constexpr int kRowThreads = 128;
constexpr int kSide = 32;  // of a tile of a product
constexpr int kPitch = 36; // its rows in shared memory: the tensor cores' operands then come from different banks
constexpr int kProductThreads = 128;

/// The sum over a block of kRowThreads, or the largest.
template <class Join>
__device__ double acrossBlock(double x, Join join)
{
    __shared__ double parts[kRowThreads];
    __syncthreads();
    parts[threadIdx.x] = x;
    __syncthreads();
    for (int step = kRowThreads / 2; step > 0; step /= 2) {
        if (static_cast<int>(threadIdx.x) < step)
            parts[threadIdx.x] = join(parts[threadIdx.x], parts[threadIdx.x + step]);
        __syncthreads();
    }
    return parts[0];
}

__device__ double sumAcross(double x)
{
    return acrossBlock(x, [](double a, double b) { return a + b; });
}

__device__ double largestAcross(double x)
{
    return acrossBlock(x, [](double a, double b) { return fmax(a, b); });
}

/// One row a block.
__global__ void middleSoftmax(const double* q, const double* k, double* a, int size, int group, int dim, double scale)
{
    const Index head = blockIdx.y;
    const double* row = q + (head * size + blockIdx.x) * dim;
    const double* keys = k + head / group * size * dim;
    double* to = a + (head * size + blockIdx.x) * size;
    double top = -INFINITY;
    for (int j = static_cast<int>(threadIdx.x); j < size; j += kRowThreads) {
        double logit = 0.0;
#pragma unroll 8
        for (int c = 0; c < dim; ++c)
            logit = fma(row[c], keys[static_cast<Index>(j) * dim + c], logit);
        to[j] = scale * logit;
        top = fmax(top, to[j]);
    }
    top = largestAcross(top);
    double sum = 0.0;
    for (int j = static_cast<int>(threadIdx.x); j < size; j += kRowThreads) {
        to[j] = exp(to[j] - top);
        sum += to[j];
    }
    sum = sumAcross(sum);
    for (int j = static_cast<int>(threadIdx.x); j < size; j += kRowThreads)
        to[j] /= sum;
}

__global__ void middleGaussian(const float* sampled, double* a, double* root, int size, int rounds, int dim, double scale, double ridge)
{
    const Index head = blockIdx.y;
    const int row = static_cast<int>(blockIdx.x);
    const float* mine = sampled + head * rounds * size * dim;
    double* to = a + (head * size + row) * size;
    double sum = 0.0;
    for (int j = static_cast<int>(threadIdx.x); j < size; j += kRowThreads) {
        double cell = j == row ? ridge : 0.0;
        for (int r = 0; r < rounds; ++r)
            for (int s = 0; s < rounds; ++s) {
                const float* x = mine + (static_cast<Index>(r) * size + row) * dim;
                const float* y = mine + (static_cast<Index>(s) * size + j) * dim;
                double square = 0.0;
                for (int c = 0; c < dim; ++c) {
                    const double gap = static_cast<double>(x[c]) - static_cast<double>(y[c]);
                    square = fma(gap, gap, square);
                }
                cell += exp(-scale * square / 2.0);
            }
        to[j] = cell;
        sum += cell;
    }
    sum = sumAcross(sum);
    if (threadIdx.x == 0)
        root[head * size + row] = 1.0 / sqrt(sum);
}

__global__ void scaleBothSides(double* a, const double* root, int size)
{
    const Index head = blockIdx.y;
    const int row = static_cast<int>(blockIdx.x);
    for (int j = static_cast<int>(threadIdx.x); j < size; j += kRowThreads)
        a[(head * size + row) * size + j] *= root[head * size + row] * root[head * size + j];
}

/// One head a block.
__global__ void largestColumnSums(const double* a, double* sums, int size)
{
    const double* mine = a + static_cast<Index>(blockIdx.x) * size * size;
    double most = 0.0;
    for (int j = static_cast<int>(threadIdx.x); j < size; j += kRowThreads) {
        double sum = 0.0;
#pragma unroll 8
        for (int i = 0; i < size; ++i)
            sum += fabs(mine[static_cast<Index>(i) * size + j]);
        most = fmax(most, sum);
    }
    most = largestAcross(most);
    if (threadIdx.x == 0)
        sums[blockIdx.x] = most;
}

/// to = aᵀ / divisor.
__global__ void transpose(const double* a, double* to, const double* sums, int size, bool shared)
{
    __shared__ double tile[kSide][kSide + 1];
    const Index head = blockIdx.z;
    double divisor = sums[head];
    for (unsigned h = 0; shared && h < gridDim.z; ++h)
        divisor = fmax(divisor, sums[h]);
    const int row0 = static_cast<int>(blockIdx.y) * kSide;
    const int col0 = static_cast<int>(blockIdx.x) * kSide;
    const int x = static_cast<int>(threadIdx.x);
    for (int y = static_cast<int>(threadIdx.y); y < kSide; y += static_cast<int>(blockDim.y))
        if (row0 + y < size && col0 + x < size)
            tile[y][x] = a[(head * size + row0 + y) * size + col0 + x];
    __syncthreads();
    for (int y = static_cast<int>(threadIdx.y); y < kSide; y += static_cast<int>(blockDim.y))
        if (col0 + y < size && row0 + x < size)
            to[(head * size + col0 + y) * size + row0 + x] = tile[x][y] / divisor;
}

/// 32 x 32 numbers into shared memory, zeros beyond the border.
__device__ void loadTile(double (&tile)[kSide][kPitch], const double* from, int row0, int col0, int size, const SquareProduct& p,
                         bool isRight)
{
#pragma unroll
    for (int at = static_cast<int>(threadIdx.x); at < kSide * kSide; at += kProductThreads) {
        const int row = row0 + at / kSide;
        const int col = col0 + at % kSide;
        double x = row < size && col < size ? from[static_cast<Index>(row) * size + col] : 0.0;
        if (isRight && p.isShifted && row < size && col < size)
            x = (row == col ? p.shift : 0.0) - x;
        tile[at / kSide][at % kSide] = x;
    }
}

/// A tile a block, a quarter of it a warp, on the tensor cores.
__global__ void __launch_bounds__(kProductThreads) squareProduct(const SquareProduct p, int size)
{
    __shared__ double left[kSide][kPitch];
    __shared__ double right[kSide][kPitch];
    const Index head = static_cast<Index>(blockIdx.z) * size * size;
    const int row0 = static_cast<int>(blockIdx.y) * kSide;
    const int col0 = static_cast<int>(blockIdx.x) * kSide;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int row = warp / 2 * 16;
    const int col = warp % 2 * 16;
    double d[2][2][2] = {};
    for (int k0 = 0; k0 < size; k0 += kSide) {
        __syncthreads();
        loadTile(left, p.left + head, row0, k0, size, p, false);
        loadTile(right, p.right + head, k0, col0, size, p, true);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < kSide; k += 4) {
            double a[2];
            double b[2];
            for (int i = 0; i < 2; ++i) {
                a[i] = left[row + 8 * i + lane / 4][k + lane % 4];
                b[i] = right[k + lane % 4][col + 8 * i + lane / 4];
            }
            for (int i = 0; i < 2; ++i)
                for (int j = 0; j < 2; ++j)
                    multiplyDouble(d[i][j], a[i], b[j]);
        }
    }
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j)
            for (int e = 0; e < 2; ++e) {
                const int r = row0 + row + 8 * i + lane / 4;
                const int c = col0 + col + 8 * j + lane % 4 * 2 + e;
                if (r < size && c < size)
                    p.to[head + static_cast<Index>(r) * size + c] = (r == c ? p.diagonal : 0.0) + p.factor * d[i][j][e];
            }
}

/// One row a block.
__global__ void applyInverse(const double* z, const double* root, const float* x, float* to, int size, int rounds, int width)
{
    const Index head = blockIdx.y;
    const int row = static_cast<int>(blockIdx.x);
    const double* mine = z + (head * size + row) * size;
    const float* from = x + head * rounds * size * width;
    for (int c = static_cast<int>(threadIdx.x); c < width; c += static_cast<int>(blockDim.x)) {
        double sum = 0.0;
        for (int j = 0; j < size; ++j) {
            double all = 0.0;
            for (int r = 0; r < rounds; ++r)
                all += static_cast<double>(from[(static_cast<Index>(r) * size + j) * width + c]);
            sum = fma(mine[j] * (root != nullptr ? root[head * size + j] : 1.0), all, sum);
        }
        if (root != nullptr)
            sum *= root[head * size + row];
        for (int r = 0; r < rounds; ++r)
            to[((head * rounds + r) * size + row) * width + c] = static_cast<float>(sum);
    }
}

dim3 rowGrid(SquareMatrices m) { return {static_cast<unsigned>(m.size), static_cast<unsigned>(m.heads)}; }

dim3 tileGrid(SquareMatrices m)
{
    const auto tiles = static_cast<unsigned>((m.size + kSide - 1) / kSide);
    return {tiles, tiles, static_cast<unsigned>(m.heads)};
}

int number(Index x) { return static_cast<int>(x); }

} // namespace

cudaError_t launchMiddleSoftmax(const double* q, const double* k, double* a, SquareMatrices m, Index group, Index dim, double scale,
                                cudaStream_t stream)
{
    middleSoftmax<<<rowGrid(m), kRowThreads, 0, stream>>>(q, k, a, number(m.size), number(group), number(dim), scale);
    return cudaGetLastError();
}

cudaError_t launchMiddleGaussian(const float* sampled, double* a, double* root, SquareMatrices m, Index rounds, Index dim, double scale,
                                 double ridge, cudaStream_t stream)
{
    middleGaussian<<<rowGrid(m), kRowThreads, 0, stream>>>(sampled, a, root, number(m.size), number(rounds), number(dim), scale, ridge);
    scaleBothSides<<<rowGrid(m), kRowThreads, 0, stream>>>(a, root, number(m.size));
    return cudaGetLastError();
}

cudaError_t launchColumnSums(const double* a, double* sums, SquareMatrices m, cudaStream_t stream)
{
    largestColumnSums<<<static_cast<unsigned>(m.heads), kRowThreads, 0, stream>>>(a, sums, number(m.size));
    return cudaGetLastError();
}

cudaError_t launchFirstInverse(const double* a, double* z, double* sums, SquareMatrices m, bool shared, cudaStream_t stream)
{
    if (const auto status = launchColumnSums(a, sums, m, stream); status != cudaSuccess)
        return status;
    transpose<<<tileGrid(m), dim3(kSide, 8), 0, stream>>>(a, z, sums, number(m.size), shared);
    return cudaGetLastError();
}

cudaError_t launchSquareProduct(const SquareProduct& product, SquareMatrices m, cudaStream_t stream)
{
    squareProduct<<<tileGrid(m), kProductThreads, 0, stream>>>(product, number(m.size));
    return cudaGetLastError();
}

cudaError_t launchApplyInverse(const double* z, const double* root, const float* x, float* to, SquareMatrices m, Index rounds, Index width,
                               cudaStream_t stream)
{
    applyInverse<<<rowGrid(m), 64, 0, stream>>>(z, root, x, to, number(m.size), number(rounds), number(width));
    return cudaGetLastError();
}

} // namespace attnscope::kernels
