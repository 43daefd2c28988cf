// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent mixers whose decay is one number a token and head (retention, Mamba-2), on 16-bit inputs, as a two-level scan: the state
// that each segment of 256 tokens adds, the states before the segments, and then all queries at once on the tensor cores.
//
// Ladder (version, prediction, measured on an H100 with bf16, H = 16, D = 128, n = 16,384; 2026-11-23):
//   1  segments' states straight from device memory into fragments; the scan element by element; queries as in FlashAttention with
//      decays in place of the softmax, and the state before as one more product. Predicted 0.25 ms; 0.389 ms for retention and
//      Mamba-2: gates 0.011, states 0.135, scan 0.035, queries 0.204 (flash-linear-attention 0.600 and 0.584 ms).
//   2  the states' next keys on their way while these are multiplied: predicted 0.34 ms, took 0.373 to 0.384 ms. Lesson: one block
//      of 8 warps a multiprocessor holds the queries back, not the states.
#include "gpu/kernels/kernel_state.cuh"
#include "gpu/kernels/mixer_gate.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace {

constexpr int kSegment = 256;
constexpr int kTile = 64;     // keys in shared memory at a time; features and columns of a warp's sums
constexpr int kQueries = 128; // of a block
constexpr int kWide = 128;    // columns of rows in shared memory
constexpr int kStateThreads = 128;
constexpr int kScanThreads = 256;
constexpr int kReadThreads = 256;

struct Problem {
    MixerProblem given;
    Index segments;
    float* sums;      ///< [B H, M]: log decays in base 2, summed within each segment up to and including the token
    float* strengths; ///< [B H, M]
    float* added;     ///< [B H, segments, 128, 128]: what each segment adds to the state
    void* before;     ///< [B H, segments, 128, 128] in 16 bits: the states before the segments
};

__device__ Index kvOf(const MixerProblem& p, Index unit)
{
    return unit / p.shape.heads * p.kvHeads + unit % p.shape.heads * p.kvHeads / p.shape.heads;
}

/// One warp a segment: 8 tokens a lane.
__global__ void gateKernel(const Problem p)
{
    constexpr int kEach = kSegment / 32;
    const MixerProblem& g = p.given;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index batch = unit / g.shape.heads;
    const Index head = unit % g.shape.heads;
    const Index first = static_cast<Index>(blockIdx.x) * kSegment + threadIdx.x * kEach;
    float logs[kEach];
    float sum = 0.0F;
    for (int i = 0; i < kEach; ++i) {
        sum += first + i < g.shape.keys ? kLog2E * logDecayAt(g, batch, head, first + i, 0) : 0.0F;
        logs[i] = sum;
    }
    float before = sum;
    for (int far = 1; far < 32; far *= 2) {
        const float other = __shfl_up_sync(kWarp, before, far);
        before += static_cast<int>(threadIdx.x) >= far ? other : 0.0F;
    }
    before -= sum;
    for (int i = 0; i < kEach; ++i)
        if (first + i < g.shape.keys) {
            p.sums[unit * g.shape.keys + first + i] = before + logs[i];
            p.strengths[unit * g.shape.keys + first + i] = gateAt(g.strength, batch, head, first + i, 0, 1.0F);
        }
}

/// A block's 4 warps hold the four 64 x 64 quarters of a segment's state.
template <class T>
__global__ __launch_bounds__(kStateThreads, 2) void stateKernel(const Problem p)
{
    const MixerProblem& s = p.given;
    const int warp = threadIdx.x / 32;
    const int g = threadIdx.x % 32 / 4;
    const int t = threadIdx.x % 4;
    const int row0 = warp % 2 * kTile;
    const int col0 = warp / 2 * kTile;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index first = static_cast<Index>(blockIdx.x) * kSegment;
    const Index last = min(s.shape.keys, first + kSegment);
    const T* const k = static_cast<const T*>(s.k) + kvOf(s, unit) * s.shape.keys * s.shape.dim;
    const T* const v = static_cast<const T*>(s.v) + kvOf(s, unit) * s.shape.keys * s.shape.valueDim;
    const float* const sums = p.sums + unit * s.shape.keys;
    const float* const strengths = p.strengths + unit * s.shape.keys;
    const float end = sums[last - 1];
    float c[4][8][4] = {};
    struct Keys {
        uint4 x[4], y[4];
        float weight[4];
    };
    const auto load = [&](Keys& keys, Index j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const Index at = j + 4 * t + i;
            keys.x[i] = loadEight(k, at, last, row0 + 8 * g, static_cast<int>(s.shape.dim));
            keys.y[i] = loadEight(v, at, last, col0 + 8 * g, static_cast<int>(s.shape.valueDim));
            keys.weight[i] = at < last ? strengths[at] * exp2Fast(end - sums[at]) : 0.0F;
        }
    };
    Keys now;
    load(now, first);
#pragma unroll 2
    for (Index j = first; j < last; j += 16) {
        Keys next;
        load(next, j + 16);
        const uint4(&x)[4] = now.x;
        const uint4(&y)[4] = now.y;
        const float(&weight)[4] = now.weight;
        std::uint32_t b[8][2];
#pragma unroll
        for (int n = 0; n < 8; ++n) {
            b[n][0] = pairOf(y[0], y[1], n);
            b[n][1] = pairOf(y[2], y[3], n);
        }
#pragma unroll
        for (int m = 0; m < 4; ++m) {
            std::uint32_t a[4];
#pragma unroll
            for (int e = 0; e < 2; ++e) {
                const int f = 2 * m + e;
                a[e] = Half<T>::pack(weight[0] * part<T>(x[0], f), weight[1] * part<T>(x[1], f));
                a[2 + e] = Half<T>::pack(weight[2] * part<T>(x[2], f), weight[3] * part<T>(x[3], f));
            }
#pragma unroll
            for (int n = 0; n < 8; ++n)
                Half<T>::mma(c[m][n], a, b[n][0], b[n][1]);
        }
        now = next;
    }
    float* const out = p.added + (unit * p.segments + static_cast<Index>(blockIdx.x)) * kWide * kWide;
#pragma unroll
    for (int m = 0; m < 4; ++m)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            float* const to = out + (row0 + 8 * g + 2 * m + e) * kWide + col0 + 16 * t;
#pragma unroll
            for (int n = 0; n < 8; n += 4)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    *reinterpret_cast<float4*>(to + 8 * half + n) =
                        make_float4(c[m][n][2 * e + half], c[m][n + 1][2 * e + half], c[m][n + 2][2 * e + half], c[m][n + 3][2 * e + half]);
        }
}

/// The state before each segment, four numbers a thread, with the segments that follow already on their way.
template <class T>
__global__ __launch_bounds__(kScanThreads) void scanKernel(const Problem p)
{
    constexpr int kAhead = 4;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index at = (static_cast<Index>(blockIdx.x) * kScanThreads + threadIdx.x) * 4;
    const float* const sums = p.sums + unit * p.given.shape.keys;
    const float* const added = p.added + unit * p.segments * kWide * kWide + at;
    T* const before = static_cast<T*>(p.before) + unit * p.segments * kWide * kWide + at;
    float4 state = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
    for (Index first = 0; first < p.segments; first += kAhead) {
        float4 next[kAhead];
        float decay[kAhead];
#pragma unroll
        for (int i = 0; i < kAhead; ++i)
            if (first + i < p.segments) {
                next[i] = *reinterpret_cast<const float4*>(added + (first + i) * kWide * kWide);
                decay[i] = exp2Fast(sums[min(p.given.shape.keys, (first + i + 1) * kSegment) - 1]);
            }
#pragma unroll
        for (int i = 0; i < kAhead; ++i)
            if (first + i < p.segments) {
                *reinterpret_cast<uint2*>(before + (first + i) * kWide * kWide) =
                    make_uint2(Half<T>::pack(state.x, state.y), Half<T>::pack(state.z, state.w));
                state = make_float4(fmaf(state.x, decay[i], next[i].x), fmaf(state.y, decay[i], next[i].y),
                                    fmaf(state.z, decay[i], next[i].z), fmaf(state.w, decay[i], next[i].w));
            }
    }
}

/// Rows of 128 columns in 16 bits; 16-byte pieces trade places within a row, so that reads down a column hit different banks.
__device__ std::uint32_t pieceAt(std::uint32_t tile, int row, int piece)
{
    return tile + static_cast<std::uint32_t>(row * 2 * kWide + ((piece ^ (row & 7)) * 16));
}

/// `Count` rows from `first` on into a tile; zeros from row `last` and column `cols` on.
template <int Count, class T>
__device__ void copyTile(std::uint32_t tile, const T* from, Index first, Index last, int cols)
{
    for (int at = threadIdx.x; at < Count * 16; at += kReadThreads) {
        const int row = at / 16;
        const int piece = at % 16;
        const bool there = first + row >= 0 && first + row < last && piece * 8 < cols;
        copyAsync(pieceAt(tile, row, piece), there ? from + (first + row) * cols + piece * 8 : from, there);
    }
}

/// 16 queries of a warp, 128 columns of output.
template <class T>
struct Reader {
    std::uint32_t q[8][4];
    float o[16][4] = {};
    float sum[2]; ///< of log decays at rows g and g + 8

    __device__ void loadQueries(std::uint32_t tile, int row0)
    {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int s = 0; s < 8; ++s)
            loadMatrices(q[s], pieceAt(tile, row0 + lane % 16, 2 * s + lane / 16));
    }

    /// o += q times the state in `tile`, a row for each column of q.
    __device__ void addState(std::uint32_t tile)
    {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int s = 0; s < 8; ++s)
#pragma unroll
            for (int n = 0; n < 16; n += 2) {
                std::uint32_t b[4];
                loadTransposed(b, pieceAt(tile, 16 * s + lane / 8 % 2 * 8 + lane % 8, n + lane / 16));
                Half<T>::mma(o[n], q[s], b[0], b[1]);
                Half<T>::mma(o[n + 1], q[s], b[2], b[3]);
            }
#pragma unroll
        for (int n = 0; n < 16; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                o[n][i] *= exp2Fast(sum[i / 2]);
    }

    /// 64 keys with their summed log decays and strengths; `ahead`: how many tokens row g stands after key 0.
    __device__ void addKeys(std::uint32_t keys, std::uint32_t values, const float* sums, const float* strengths, int ahead)
    {
        const int lane = threadIdx.x % 32;
        const int t = lane % 4;
#pragma unroll
        for (int part = 0; part < 4; ++part) {
            float c[2][4] = {};
#pragma unroll
            for (int s = 0; s < 8; ++s) {
                std::uint32_t b[4];
                loadMatrices(b, pieceAt(keys, 16 * part + lane / 16 * 8 + lane % 8, 2 * s + lane / 8 % 2));
                Half<T>::mma(c[0], q[s], b[0], b[1]);
                Half<T>::mma(c[1], q[s], b[2], b[3]);
            }
            std::uint32_t a[4];
#pragma unroll
            for (int n = 0; n < 2; ++n) {
                const int key = 16 * part + 8 * n + 2 * t;
                const float2 before = *reinterpret_cast<const float2*>(sums + key);
                const float2 strength = *reinterpret_cast<const float2*>(strengths + key);
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    const float x = key <= ahead + 8 * h ? c[n][2 * h] * strength.x * exp2Fast(sum[h] - before.x) : 0.0F;
                    const float y = key < ahead + 8 * h ? c[n][2 * h + 1] * strength.y * exp2Fast(sum[h] - before.y) : 0.0F;
                    a[2 * n + h] = Half<T>::pack(x, y);
                }
            }
#pragma unroll
            for (int n = 0; n < 16; n += 2) {
                std::uint32_t b[4];
                loadTransposed(b, pieceAt(values, 16 * part + lane / 8 % 2 * 8 + lane % 8, n + lane / 16));
                Half<T>::mma(o[n], a, b[0], b[1]);
                Half<T>::mma(o[n + 1], a, b[2], b[3]);
            }
        }
    }
};

struct Tiles {
    char queries[kQueries * 2 * kWide];
    char state[kWide * 2 * kWide];
    char keys[2][kTile * 2 * kWide];
    char values[2][kTile * 2 * kWide];
    float sums[kSegment];
    float strengths[kSegment];
};

/// 128 queries, which stand in one segment: the state before it and the keys of it up to their own.
template <class T>
__global__ __launch_bounds__(kReadThreads) void readKernel(const Problem p)
{
    extern __shared__ __align__(128) char shared[];
    auto& tiles = *reinterpret_cast<Tiles*>(shared);
    const MixerProblem& given = p.given;
    const Shape& s = given.shape;
    const auto unit = static_cast<Index>(blockIdx.y);
    const Index offset = s.keys - s.queries;
    const Index place = (offset / kQueries + static_cast<Index>(blockIdx.x)) * kQueries;
    const Index segment = place / kSegment;
    const Index first = segment * kSegment;
    const Index last = min(s.keys, place + kQueries);
    const auto dim = static_cast<int>(s.dim);
    const auto valueDim = static_cast<int>(s.valueDim);
    const T* const k = static_cast<const T*>(given.k) + kvOf(given, unit) * s.keys * dim;
    const T* const v = static_cast<const T*>(given.v) + kvOf(given, unit) * s.keys * valueDim;
    copyTile<kQueries>(sharedAddress(tiles.queries), static_cast<const T*>(given.q) + unit * s.queries * dim, place - offset, s.queries,
                       dim);
    copyTile<kWide>(sharedAddress(tiles.state), static_cast<const T*>(p.before) + (unit * p.segments + segment) * kWide * kWide, 0, kWide,
                    kWide);
    commitCopies();
    const auto copyKeys = [&](int stage, Index j) {
        copyTile<kTile>(sharedAddress(tiles.keys[stage]), k, j, last, dim);
        copyTile<kTile>(sharedAddress(tiles.values[stage]), v, j, last, valueDim);
        commitCopies();
    };
    copyKeys(0, first);
    for (int at = threadIdx.x; at < kSegment; at += kReadThreads) {
        tiles.sums[at] = first + at < s.keys ? p.sums[unit * s.keys + first + at] : 0.0F;
        tiles.strengths[at] = first + at < s.keys ? p.strengths[unit * s.keys + first + at] : 0.0F;
    }
    waitForCopies<1>();
    __syncthreads();
    const int row0 = static_cast<int>(threadIdx.x) / 32 * 16;
    const int g = threadIdx.x % 32 / 4;
    const int inside = static_cast<int>(place - first) + row0 + g; // where row g stands in the segment
    Reader<T> reader;
    reader.sum[0] = tiles.sums[inside];
    reader.sum[1] = tiles.sums[inside + 8];
    reader.loadQueries(sharedAddress(tiles.queries), row0);
    reader.addState(sharedAddress(tiles.state));
    int stage = 0;
    for (Index j = first; j < last; j += kTile, stage ^= 1) {
        waitForCopies<0>();
        __syncthreads();
        if (j + kTile < last)
            copyKeys(stage ^ 1, j + kTile);
        const int at = static_cast<int>(j - first);
        reader.addKeys(sharedAddress(tiles.keys[stage]), sharedAddress(tiles.values[stage]), tiles.sums + at, tiles.strengths + at,
                       inside - at);
    }
    T* const o = static_cast<T*>(given.o) + unit * s.queries * valueDim;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        const Index query = place + row0 + g + 8 * h - offset;
#pragma unroll
        for (int n = 0; n < 16; ++n) {
            const int col = 8 * n + 2 * static_cast<int>(threadIdx.x % 4);
            if (query >= 0 && query < s.queries && col < valueDim)
                *reinterpret_cast<std::uint32_t*>(o + query * valueDim + col) =
                    Half<T>::pack(given.scale * reader.o[n][2 * h], given.scale * reader.o[n][2 * h + 1]);
        }
    }
}

std::size_t floatsOf(const MixerProblem& p) { return static_cast<std::size_t>(p.shape.batch * p.shape.heads * p.shape.keys) * 2; }

Index segmentsOf(const MixerProblem& p) { return (p.shape.keys + kSegment - 1) / kSegment; }

std::size_t statesOf(const MixerProblem& p)
{
    return static_cast<std::size_t>(p.shape.batch * p.shape.heads * segmentsOf(p)) * kWide * kWide;
}

template <class T>
cudaError_t launch(const MixerProblem& given, void* workspace, cudaStream_t stream)
{
    const Shape& s = given.shape;
    auto* const added = static_cast<float*>(workspace);
    float* const gates = added + statesOf(given) * 3 / 2;
    const Problem p{given, segmentsOf(given), gates, gates + floatsOf(given) / 2, added, added + statesOf(given)};
    const auto units = static_cast<unsigned>(s.batch * s.heads);
    const auto segments = static_cast<unsigned>(p.segments);
    const auto bytes = static_cast<int>(sizeof(Tiles));
    if (const auto status = cudaFuncSetAttribute(readKernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes); status != cudaSuccess)
        return status;
    gateKernel<<<dim3(segments, units), 32, 0, stream>>>(p);
    stateKernel<T><<<dim3(segments, units), kStateThreads, 0, stream>>>(p);
    scanKernel<T><<<dim3(kWide * kWide / 4 / kScanThreads, units), kScanThreads, 0, stream>>>(p);
    const Index blocks = ((s.keys - s.queries) % kQueries + s.queries + kQueries - 1) / kQueries;
    readKernel<T><<<dim3(static_cast<unsigned>(blocks), units), kReadThreads, bytes, stream>>>(p);
    return cudaGetLastError();
}

} // namespace

bool fitsChunks(const MixerProblem& p)
{
    const Shape& s = p.shape;
    return isPlain(p) && bytesOf(p.dtype) == 2 && !p.delta && !p.unitKeys && !p.unitQueries && p.logDecay.channel == 0 && s.dim % 8 == 0 &&
           s.valueDim % 8 == 0 && s.dim <= kWide && s.valueDim <= kWide;
}

std::size_t chunkBytes(const MixerProblem& p) { return sizeof(float) * (statesOf(p) * 3 / 2 + floatsOf(p)); }

cudaError_t launchChunks(const MixerProblem& p, void* workspace, cudaStream_t stream)
{
    return p.dtype == Dtype::BF16 ? launch<__nv_bfloat16>(p, workspace, stream) : launch<__half>(p, workspace, stream);
}

} // namespace attnscope::kernels
