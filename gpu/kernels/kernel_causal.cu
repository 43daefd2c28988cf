// SPDX-License-Identifier: GPL-3.0-or-later
// Causal kernel attention of 16-bit inputs as a two-level scan: features, the sums that each segment of 256 keys adds, the sums before
// the segments, and then all queries at once on the tensor cores.
//
// Ladder (version, prediction, measured on an H100 with bf16, H = 16, D = 128, n = 16,384; 2026-11-23):
//   0  the general kernel's float32 arithmetic: Performer with 256 features 46 ms.
//   1  features of queries and keys made once, as 16-bit matrices; segments' states as in mixer_chunks.cu; queries with three 16 KiB
//      units of copies in turn (sums before, keys' features, values). Predicted 0.47 ms for elu + 1 and 0.85 ms for Performer, from the
//      bytes of features and states; took 0.546 and 1.539 ms, cosFormer 0.871, Hedgehog 1.377; at H = 8, D = 64, n = 262,144 Performer
//      6.60 ms. Lesson: Performer projects keys twice and queries twice to find the shifts, which costs more than the bytes.
#include "gpu/kernels/kernel_causal_read.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace causal {

namespace {

constexpr int kStateThreads = 128;

/// A block's 4 warps hold four 64 x 64 parts of a segment's sums.
template <class T>
__global__ __launch_bounds__(kStateThreads, 2) void stateKernel(const Problem p)
{
    const int across = p.columns / kTile;
    const int part = static_cast<int>(blockIdx.z) * (kStateThreads / 32) + static_cast<int>(threadIdx.x) / 32;
    if (part >= p.features / kTile * across)
        return;
    const int g = threadIdx.x % 32 / 4;
    const int t = threadIdx.x % 4;
    const int row0 = part / across * kTile;
    const int col0 = part % across * kTile;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index keys = p.given.shape.keys;
    const Index first = static_cast<Index>(blockIdx.x) * kSegment;
    const Index last = min(keys, first + kSegment);
    const auto valueDim = static_cast<int>(p.given.shape.valueDim);
    const T* const phi = static_cast<const T*>(p.phiK) + unit * keys * p.features;
    const T* const v = static_cast<const T*>(p.given.v) + keysOf(p, unit) * keys * valueDim;
    float c[4][8][4] = {};
    float weights[4][4] = {};
    struct Keys {
        uint4 x[4], y[4];
    };
    const auto load = [&](Keys& to, Index j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            to.x[i] = loadEight(phi, j + 4 * t + i, last, row0 + 8 * g, p.features);
            to.y[i] = loadEight(v, j + 4 * t + i, last, col0 + 8 * g, valueDim);
        }
    };
    Keys now;
    load(now, first);
    const std::uint32_t one = Half<T>::pack(1.0F, 1.0F);
#pragma unroll 2
    for (Index j = first; j < last; j += 16) {
        Keys next;
        load(next, j + 16);
        std::uint32_t b[8][2];
#pragma unroll
        for (int n = 0; n < 8; ++n) {
            b[n][0] = pairOf(now.y[0], now.y[1], n);
            b[n][1] = pairOf(now.y[2], now.y[3], n);
        }
#pragma unroll
        for (int m = 0; m < 4; ++m) {
            std::uint32_t a[4];
#pragma unroll
            for (int e = 0; e < 2; ++e) {
                a[e] = pairOf(now.x[0], now.x[1], 2 * m + e);
                a[2 + e] = pairOf(now.x[2], now.x[3], 2 * m + e);
            }
#pragma unroll
            for (int n = 0; n < 8; ++n)
                Half<T>::mma(c[m][n], a, b[n][0], b[n][1]);
            Half<T>::mma(weights[m], a, one, one);
        }
        now = next;
    }
    const Index at = (unit * p.segments + static_cast<Index>(blockIdx.x)) * p.features;
#pragma unroll
    for (int m = 0; m < 4; ++m)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            const int f = row0 + 8 * g + 2 * m + e;
            float* const to = p.added + (at + f) * p.columns + col0 + 16 * t;
#pragma unroll
            for (int n = 0; n < 8; n += 4)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    *reinterpret_cast<float4*>(to + 8 * half + n) =
                        make_float4(c[m][n][2 * e + half], c[m][n + 1][2 * e + half], c[m][n + 2][2 * e + half], c[m][n + 3][2 * e + half]);
            if (t == 0 && col0 == 0)
                p.addedWeights[at + f] = weights[m][2 * e];
        }
}

/// What the sums up to segment `segment` shrink by when they become relative to the next one's shifts.
__device__ float shrink(const Problem& p, Index unit, Index segment, int f)
{
    if (p.shifts == nullptr || segment + 1 >= p.segments)
        return 1.0F;
    const float* const shift = p.shifts + (unit * p.segments + segment) * p.features + f;
    return exp2Fast(shift[0] - shift[p.features]);
}

/// The sums before each segment, four numbers a thread, with the segments that follow already on their way.
template <class T>
__global__ __launch_bounds__(kThreads) void scanKernel(const Problem p)
{
    constexpr int kAhead = 4;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index size = static_cast<Index>(p.features) * p.columns;
    const Index at = (static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x) * 4; // size is a multiple of 4 kThreads
    const int f = static_cast<int>(at / p.columns);
    const float* const added = p.added + unit * p.segments * size + at;
    T* const before = static_cast<T*>(p.before) + unit * p.segments * size + at;
    float4 sum = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
    for (Index first = 0; first < p.segments; first += kAhead) {
        float4 next[kAhead] = {};
        float down[kAhead] = {};
#pragma unroll
        for (int i = 0; i < kAhead; ++i)
            if (first + i < p.segments - 1) { // nothing comes after the last
                next[i] = *reinterpret_cast<const float4*>(added + (first + i) * size);
                down[i] = shrink(p, unit, first + i, f);
            }
#pragma unroll
        for (int i = 0; i < kAhead; ++i)
            if (first + i < p.segments) {
                const float by = 1.0F / rootOf(first + i);
                *reinterpret_cast<uint2*>(before + (first + i) * size) =
                    make_uint2(Half<T>::pack(by * sum.x, by * sum.y), Half<T>::pack(by * sum.z, by * sum.w));
                sum = make_float4(down[i] * (sum.x + next[i].x), down[i] * (sum.y + next[i].y), down[i] * (sum.z + next[i].z),
                                  down[i] * (sum.w + next[i].w));
            }
    }
}

/// The same of the weights, a feature a thread.
__global__ void weightKernel(const Problem p)
{
    constexpr int kAhead = 8;
    const int f = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const auto unit = static_cast<Index>(blockIdx.y);
    const float* const added = p.addedWeights + unit * p.segments * p.features + f;
    float* const before = p.weights + unit * p.segments * p.features + f;
    float sum = 0.0F;
    for (Index first = 0; first < p.segments; first += kAhead) {
        float next[kAhead] = {};
        float down[kAhead] = {};
#pragma unroll
        for (int i = 0; i < kAhead; ++i)
            if (first + i < p.segments - 1) {
                next[i] = added[(first + i) * p.features];
                down[i] = shrink(p, unit, first + i, f);
            }
#pragma unroll
        for (int i = 0; i < kAhead; ++i)
            if (first + i < p.segments) {
                before[(first + i) * p.features] = sum / rootOf(first + i);
                sum = down[i] * (sum + next[i]);
            }
    }
}

std::size_t readShared(int features)
{
    return static_cast<std::size_t>(features / kTile) * kSlabBytes + kRing * kUnitBytes +
           static_cast<std::size_t>(features) * sizeof(float);
}

int mostShared()
{
    int device = 0;
    int bytes = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
        return 0;
    return bytes;
}

int paddedFeatures(const CardMap& map)
{
    const Index sides = map.features > map.count ? 2 : 1;
    return static_cast<int>((map.count + kTile - 1) / kTile * kTile * sides);
}

/// Where everything is in the workspace; `bytes` becomes its size.
Problem place(const KernelProblem& given, void* workspace, std::size_t& bytes)
{
    const Shape& s = given.shape;
    Problem p{};
    p.given = given;
    p.units = s.batch * (given.map.perHead ? s.heads : given.kvHeads);
    p.segments = (s.keys + kSegment - 1) / kSegment;
    p.halves = (s.keys + kRows - 1) / kRows;
    p.features = paddedFeatures(given.map);
    p.columns = s.valueDim > kTile ? 2 * kTile : kTile;
    const bool grows = given.map.kind == MapKind::Elu || given.map.kind == MapKind::Relu || given.map.kind == MapKind::Cosine;
    p.down = given.dtype == Dtype::F16 && grows ? 0x1p-6F : 1.0F;
    bytes = 0;
    const auto take = [&](Index count, std::size_t size) {
        auto* const at = workspace ? static_cast<char*>(workspace) + bytes : nullptr;
        bytes += (static_cast<std::size_t>(count) * size + 255) / 256 * 256;
        return static_cast<void*>(at);
    };
    const auto floats = [&](Index count) { return static_cast<float*>(take(count, sizeof(float))); };
    const Index rows = p.units * p.segments * p.features;
    p.phiQ = take(s.batch * s.heads * s.queries * p.features, 2);
    p.phiK = take(p.units * s.keys * p.features, 2);
    if (hasShifts(given.map.kind)) {
        p.own = floats(p.units * p.halves * p.features);
        p.shifts = floats(rows);
    }
    p.added = floats(rows * p.columns);
    p.addedWeights = floats(rows);
    p.before = take(rows * p.columns, 2);
    p.weights = floats(rows);
    return p;
}

template <class T, int Tiles>
cudaError_t launchRead(const Problem& p, cudaStream_t stream)
{
    const Shape& s = p.given.shape;
    const std::size_t bytes = readShared(p.features);
    const auto status = cudaFuncSetAttribute(readKernel<T, Tiles>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    if (status != cudaSuccess)
        return status;
    const Index offset = s.keys - s.queries;
    const Index tiles = (offset % kRows + s.queries + kRows - 1) / kRows;
    readKernel<T, Tiles><<<dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(s.batch * s.heads)), kThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launch(const Problem& p, cudaStream_t stream)
{
    if (const auto status = launchFeatures(p, stream); status != cudaSuccess)
        return status;
    if (p.segments > 1) { // else nothing comes before
        const auto units = static_cast<unsigned>(p.units);
        const int parts = p.features / kTile * (p.columns / kTile);
        const auto blocks = static_cast<unsigned>((parts + kStateThreads / 32 - 1) / (kStateThreads / 32));
        stateKernel<T><<<dim3(static_cast<unsigned>(p.segments - 1), units, blocks), kStateThreads, 0, stream>>>(p);
        scanKernel<T><<<dim3(static_cast<unsigned>(p.features * p.columns / (4 * kThreads)), units), kThreads, 0, stream>>>(p);
        weightKernel<<<dim3(static_cast<unsigned>(p.features / kTile), units), kTile, 0, stream>>>(p);
        if (const auto status = cudaGetLastError(); status != cudaSuccess)
            return status;
    }
    return p.columns == kTile ? launchRead<T, 8>(p, stream) : launchRead<T, 16>(p, stream);
}

} // namespace

} // namespace causal

bool fitsCausal(const KernelProblem& p)
{
    // Trigonometric features cancel each other, more than 16 bits of them survive.
    const bool known = p.map.kind != MapKind::Taylor && p.map.kind != MapKind::Softmaxes && p.map.kind != MapKind::Trig && !p.map.official;
    if (!known || !p.causal || bytesOf(p.dtype) != 2 || p.shape.dim % 8 != 0 || p.shape.valueDim % 8 != 0 || p.shape.dim > 128 ||
        p.shape.valueDim > 128 || p.shape.keys < p.shape.queries)
        return false;
    const auto most = static_cast<std::size_t>(causal::mostShared());
    return causal::readShared(causal::paddedFeatures(p.map)) <= most && causal::featureShared(p) <= most;
}

std::size_t causalBytes(const KernelProblem& p)
{
    std::size_t bytes = 0;
    causal::place(p, nullptr, bytes);
    return bytes;
}

cudaError_t launchCausal(const KernelProblem& p, void* workspace, cudaStream_t stream)
{
    std::size_t bytes = 0;
    const auto placed = causal::place(p, workspace, bytes);
    return p.dtype == Dtype::BF16 ? causal::launch<__nv_bfloat16>(placed, stream) : causal::launch<__half>(placed, stream);
}

} // namespace attnscope::kernels
