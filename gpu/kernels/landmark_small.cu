// SPDX-License-Identifier: GPL-3.0-or-later
// The iterative pseudo-inverse of up to 64 landmarks: a head a block, all steps in shared memory, float64 on the tensor cores.
//
// Ladder (version, prediction, measured on an H100 80GB, 2026-11-23, 8 heads, 64 landmarks, 6 iterations, within Nystromformer in bf16 at
// n = 16,384):
//   1  24 launches of tiles (landmark_middle.cu). Predicted: 3 us each, 0.08 ms. Measured: the whole run took 0.378 ms where its attention
//      and pooling take some 0.15. Lesson: each launch waits for its operands twice.
//   2  one launch, four matrices in shared memory. Predicted: 24 products of some 1.2 us, 0.03 ms. Measured: the whole run took 0.261 ms.
#include "gpu/kernels/landmark_middle.h"
#include "gpu/kernels/landmark_square.cuh"

namespace attnscope::kernels {

namespace {

constexpr int kSize = static_cast<int>(kSmallInverse);
constexpr int kPitch = kSize + 4; // the tensor cores' operands then come from different banks
constexpr int kThreads = 512;     // a warp for each 16 x 16 numbers
constexpr std::size_t kBytes = sizeof(double) * 4 * kSize * kPitch;

struct Corner {
    int row, col;
    __device__ Corner() : row(static_cast<int>(threadIdx.x) / 32 / 4 * 16), col(static_cast<int>(threadIdx.x) / 32 % 4 * 16) {}
};

/// d = left R, R = right or shift I - right, of this warp's 16 x 16 numbers.
template <bool Shifted>
__device__ void product(double (&d)[2][2][2], const double* left, const double* right, double shift)
{
    const Corner at;
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll 4
    for (int k = 0; k < kSize; k += 4) {
        double a[2];
        double b[2];
        for (int i = 0; i < 2; ++i) {
            a[i] = left[(at.row + 8 * i + lane / 4) * kPitch + k + lane % 4];
            const int col = at.col + 8 * i + lane / 4;
            b[i] = right[(k + lane % 4) * kPitch + col];
            if constexpr (Shifted)
                b[i] = (k + lane % 4 == col ? shift : 0.0) - b[i];
        }
        for (int i = 0; i < 2; ++i)
            for (int j = 0; j < 2; ++j)
                multiplyDouble(d[i][j], a[i], b[j]);
    }
}

/// to = diagonal I + factor d once all have read what is there.
__device__ void put(double* to, const double (&d)[2][2][2], double diagonal, double factor)
{
    const Corner at;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    __syncthreads();
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j)
            for (int e = 0; e < 2; ++e) {
                const int row = at.row + 8 * i + lane / 4;
                const int col = at.col + 8 * j + lane % 4 * 2 + e;
                to[row * kPitch + col] = (row == col ? diagonal : 0.0) + factor * d[i][j][e];
            }
    __syncthreads();
}

/// Rows and columns beyond `size` are zeros in A and Z and stay so in Z, whatever they are in between.
__global__ void __launch_bounds__(kThreads)
    smallInverse(const double* a, double* z, const double* sums, int size, int iterations, bool shared)
{
    extern __shared__ __align__(16) unsigned char raw[];
    double* matrix = reinterpret_cast<double*>(raw);
    double* inverse = matrix + kSize * kPitch;
    double* x = inverse + kSize * kPitch;
    double* t = x + kSize * kPitch;
    const Index head = static_cast<Index>(blockIdx.x) * size * size;
    double divisor = sums[blockIdx.x];
    for (unsigned h = 0; shared && h < gridDim.x; ++h)
        divisor = fmax(divisor, sums[h]);
    for (int at = static_cast<int>(threadIdx.x); at < kSize * kSize; at += kThreads) {
        const int row = at / kSize;
        const int col = at % kSize;
        const double cell = row < size && col < size ? a[head + row * size + col] : 0.0;
        matrix[row * kPitch + col] = cell;
        inverse[col * kPitch + row] = cell / divisor;
    }
    __syncthreads();
    for (int i = 0; i < iterations; ++i) {
        double az[2][2][2] = {};
        product<false>(az, matrix, inverse, 0.0);
        put(x, az, 0.0, 1.0);
        double inner[2][2][2] = {};
        product<true>(inner, x, x, 7.0);
        put(t, inner, 15.0, -1.0);
        double outer[2][2][2] = {};
        product<false>(outer, x, t, 0.0);
        put(t, outer, 13.0, -1.0);
        double next[2][2][2] = {};
        product<false>(next, inverse, t, 0.0);
        put(inverse, next, 0.0, 0.25);
    }
    for (int at = static_cast<int>(threadIdx.x); at < size * size; at += kThreads)
        z[head + at] = inverse[at / size * kPitch + at % size];
}

} // namespace

std::size_t smallInverseBytes() { return kBytes; }

cudaError_t launchSmallInverse(const double* a, double* z, double* sums, SquareMatrices m, int iterations, bool shared, cudaStream_t stream)
{
    if (const auto status = cudaFuncSetAttribute(smallInverse, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(kBytes));
        status != cudaSuccess)
        return status;
    if (const auto status = launchColumnSums(a, sums, m, stream); status != cudaSuccess)
        return status;
    smallInverse<<<static_cast<unsigned>(m.heads), kThreads, kBytes, stream>>>(a, z, sums, static_cast<int>(m.size), iterations, shared);
    return cudaGetLastError();
}

} // namespace attnscope::kernels
