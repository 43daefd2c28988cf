// SPDX-License-Identifier: GPL-3.0-or-later
// Performer on 16-bit inputs: projection, exponential and both products on the tensor cores, features never in device memory.
//
// Ladder (version, what it does, measured):
//   1  keys: W in registers as A, so that the projected C fragments are the A fragments of the sums once exponentiated; 8 warps
//      share 64 keys that are copied two stages ahead. Queries: the recurrence of FlashAttention with W as keys, the summed values
//      as values and the features' shifts as a bias. Rows and features are rescaled only where an exponent exceeds 2^10.
#include "gpu/kernels/kernel_state.cuh"

#include <algorithm>
#include <type_traits>

namespace attnscope::kernels {

namespace {

constexpr int kKeyThreads = 128;
constexpr int kKeyRows = 64; // keys of one stage
constexpr int kStages = 3;
constexpr int kBlockFeatures = 32 * kKeyThreads / 32;
constexpr int kMostFeatures = 256;
constexpr int kQueryThreads = 128;
constexpr int kColumns = 64; // columns of the values that a block of keys sums
constexpr float kRoom = 10.0F;

struct Problem {
    const void* q;
    const void* k;
    const void* v;
    void* o;
    const float* w;
    const float* bias;
    Index queries, keys, heads, kvHeads, rowsPerSplit;
    int dim, valueDim, count, features;
    float factor; ///< of W, in base 2
    float half;   ///< of |k|², in base 2
    StateParts parts, state;
};

/// W of feature f: its rows, then, where features come in pairs, their negatives.
__device__ float frequency(const Problem& p, int f, int d)
{
    if (f >= p.features || d >= p.dim)
        return 0.0F;
    const float w = p.factor * __ldg(p.w + (f < p.count ? f : f - p.count) * p.dim + d); // features are at most twice as many as rows
    return f < p.count ? w : -w;
}

/// Two numbers as float16, in which the projection is made whatever T is: bf16's 8 bits of W would be felt in the exponent.
template <class T>
__device__ std::uint32_t asHalves(std::uint32_t x)
{
    if constexpr (std::is_same_v<T, __half>)
        return x;
    const std::uint32_t wide = Half<__half>::pack(Half<T>::low(x), Half<T>::high(x));
    const __half2 most = __float2half2_rn(65504.0F);
    const __half2 limited = __hmin2(__hmax2(*reinterpret_cast<const __half2*>(&wide), __hneg2(most)), most);
    return *reinterpret_cast<const std::uint32_t*>(&limited);
}

/// Steps: of 16 input columns.
template <int Steps>
constexpr int keyShared()
{
    return kStages * kKeyRows * (32 * Steps + 2 * kColumns + 4);
}

template <class T, int Steps>
struct KeyBlock {
    static constexpr int kRowBytes = 32 * Steps;
    static constexpr int kStageBytes = kKeyRows * kRowBytes;
    static constexpr int kValueBytes = kKeyRows * 2 * kColumns;
    char* shared;
    std::uint32_t base; ///< the same
    const Problem& p;
    const T* k;
    const T* v;
    Index last;
    int col0;

    __device__ float* squares(int stage) const
    {
        return reinterpret_cast<float*>(shared + kStages * (kStageBytes + kValueBytes)) + stage * kKeyRows;
    }
    __device__ std::uint32_t keys(int stage) const { return base + static_cast<std::uint32_t>(stage * kStageBytes); }
    __device__ std::uint32_t values(int stage) const
    {
        return base + static_cast<std::uint32_t>(kStages * kStageBytes + stage * kValueBytes);
    }

    /// Where piece 2 n + (0 or 1, `odd`) of row 8 r + lane % 8 is, but for 8 r rows: pieces trade places within a row, so that reads
    /// down a column hit different banks.
    __device__ static std::uint32_t pieceOf(int lane, int odd, int n)
    {
        return static_cast<std::uint32_t>((((odd ^ lane) & 7) ^ 2 * n) * 16);
    }

    /// Pieces: 16 bytes each, of a row.
    template <int Pieces>
    __device__ void copyRows(std::uint32_t to, const T* from, Index j, int width) const
    {
        constexpr int kRows = kKeyThreads / Pieces; // at a time
        const int row = threadIdx.x / Pieces;
        const int piece = threadIdx.x % Pieces;
        const int left = piece * 8 < width ? static_cast<int>(min(last - j, Index{kKeyRows})) - row : 0;
        const T* const first = from + (j + row) * (from == k ? p.dim : p.valueDim) + piece * 8;
        const int step = kRows * (from == k ? p.dim : p.valueDim);
        to += static_cast<std::uint32_t>(row * Pieces * 16 + ((piece ^ (row & 7)) * 16));
#pragma unroll
        for (int i = 0; i < kKeyRows / kRows; ++i)
            copyAsync(to + static_cast<std::uint32_t>(i * kRows * Pieces * 16), i * kRows < left ? first + i * step : from,
                      i * kRows < left);
    }

    __device__ void copy(int stage, Index j) const
    {
        copyRows<2 * Steps>(keys(stage), k, j, p.dim);
        copyRows<8>(values(stage), v + col0, j, p.valueDim - col0);
        commitCopies();
    }

    /// half |k|² of each key that is there, and more than any exponent for the others; k becomes float16.
    __device__ void square(int stage, Index j) const
    {
#pragma unroll
        for (int i = 0; i < kKeyRows * 4 / kKeyThreads; ++i) {
            const int row = threadIdx.x / 4 + i * (kKeyThreads / 4);
            float sum = 0.0F;
#pragma unroll
            for (int n = 0; n < Steps / 2; ++n) {
                const int piece = static_cast<int>(threadIdx.x) % 4 + 4 * n;
                auto& x = *reinterpret_cast<uint4*>(shared + stage * kStageBytes + row * kRowBytes + ((piece ^ (row & 7)) * 16));
                const uint4 given = x;
#pragma unroll
                for (int e = 0; e < 8; ++e)
                    sum = fmaf(part<T>(given, e), part<T>(given, e), sum);
                if constexpr (!std::is_same_v<T, __half>)
                    x = make_uint4(asHalves<T>(given.x), asHalves<T>(given.y), asHalves<T>(given.z), asHalves<T>(given.w));
            }
            sum += __shfl_xor_sync(kWarp, sum, 1);
            sum += __shfl_xor_sync(kWarp, sum, 2);
            if (threadIdx.x % 4 == 0)
                squares(stage)[row] = j + row < last ? p.half * sum : -kNothing;
        }
    }
};

/// The sums of 32 features over keys, as one warp holds them.
template <class T, int Steps>
struct FeatureSums {
    std::uint32_t w[2][Steps][4];
    float sums[2][8][4] = {};
    float weights[2][4] = {}; ///< as one more column of sums
    float shift[2][2] = {};
    bool started = false;

    __device__ FeatureSums(const Problem& p, int row0)
    {
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int s = 0; s < Steps; ++s)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int f = row0 + 16 * m + 8 * (i & 1) + g;
                    const int d = 16 * s + 8 * (i / 2) + 2 * t;
                    w[m][s][i] = Half<__half>::pack(frequency(p, f, d), frequency(p, f, d + 1));
                }
    }

    /// Moves the shifts, to which c is relative, up to the largest c; at the start down to it too.
    __device__ void raise(float (&c)[2][2][4])
    {
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                float top = fmaxf(fmaxf(c[m][0][2 * h], c[m][0][2 * h + 1]), fmaxf(c[m][1][2 * h], c[m][1][2 * h + 1]));
                top = fmaxf(top, __shfl_xor_sync(kWarp, top, 1));
                top = fmaxf(top, __shfl_xor_sync(kWarp, top, 2));
                top = started ? fmaxf(top, 0.0F) : top;
                const float down = started ? exp2f(-top) : 0.0F;
                shift[m][h] += top;
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    weights[m][2 * h + e] *= down;
                    c[m][0][2 * h + e] -= top;
                    c[m][1][2 * h + e] -= top;
#pragma unroll
                    for (int n = 0; n < 8; ++n)
                        sums[m][n][2 * h + e] *= down;
                }
            }
        started = true;
    }

    /// 16 keys from row `row` of a stage on.
    __device__ void add(const KeyBlock<T, Steps>& block, int stage, int row)
    {
        const int lane = threadIdx.x % 32;
        float c[2][2][4];
#pragma unroll
        for (int n = 0; n < 2; ++n) {
            const float2 square = *reinterpret_cast<const float2*>(block.squares(stage) + row + 8 * n + 2 * (lane % 4));
#pragma unroll
            for (int m = 0; m < 2; ++m)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    c[m][n][2 * h] = -square.x - shift[m][h];
                    c[m][n][2 * h + 1] = -square.y - shift[m][h];
                }
        }
        const std::uint32_t keys = block.keys(stage) + static_cast<std::uint32_t>((row + lane / 16 * 8 + lane % 8) * block.kRowBytes);
#pragma unroll
        for (int s = 0; s < Steps; ++s) {
            std::uint32_t b[4];
            loadMatrices(b, keys + block.pieceOf(lane, lane / 8 % 2, s));
#pragma unroll
            for (int m = 0; m < 2; ++m) {
                Half<__half>::mma(c[m][0], w[m][s], b[0], b[1]);
                Half<__half>::mma(c[m][1], w[m][s], b[2], b[3]);
            }
        }
        float over = kNothing;
#pragma unroll
        for (int i = 0; i < 16; ++i)
            over = fmaxf(over, c[i / 8][i / 4 % 2][i % 4]);
        if (__any_sync(kWarp, over > kRoom || !started))
            raise(c);
        std::uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int n = 0; n < 2; ++n)
#pragma unroll
                for (int h = 0; h < 2; ++h)
                    a[m][n * 2 + h] = Half<T>::pack(exp2Fast(c[m][n][2 * h]), exp2Fast(c[m][n][2 * h + 1]));
        const std::uint32_t values = block.values(stage) + static_cast<std::uint32_t>((row + lane / 8 % 2 * 8 + lane % 8) * 2 * kColumns);
#pragma unroll
        for (int n = 0; n < 8; n += 2) {
            std::uint32_t b[4];
            loadTransposed(b, values + block.pieceOf(lane, lane / 16, n / 2));
#pragma unroll
            for (int m = 0; m < 2; ++m) {
                Half<T>::mma(sums[m][n], a[m], b[0], b[1]);
                Half<T>::mma(sums[m][n + 1], a[m], b[2], b[3]);
            }
        }
        const std::uint32_t one = Half<T>::pack(1.0F, 1.0F);
#pragma unroll
        for (int m = 0; m < 2; ++m)
            Half<T>::mma(weights[m], a[m], one, one);
    }

    __device__ void store(const Problem& p, Index unit, int split, int row0, int col0)
    {
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
        const Index first = (unit * p.parts.splits + split) * p.parts.features;
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                const int f = row0 + 16 * m + 8 * h + g;
                const float weight = weights[m][2 * h];
                if (f >= p.parts.features)
                    continue;
                float* const to = p.parts.values + (first + f) * p.parts.columns + col0;
#pragma unroll
                for (int n = 0; n < 8; ++n)
                    *reinterpret_cast<float2*>(to + 8 * n + 2 * t) = make_float2(sums[m][n][2 * h], sums[m][n][2 * h + 1]);
                if (t == 0 && col0 == 0) {
                    p.parts.weights[first + f] = weight;
                    p.parts.shifts[first + f] = shift[m][h] + (p.bias && f < p.features ? kLog2E * p.bias[f % p.count] : 0.0F);
                }
            }
    }
};

template <class T, int Steps>
__global__ __launch_bounds__(kKeyThreads, Steps == 4 ? 3 : 2) void keyKernel(const Problem p)
{
    extern __shared__ __align__(128) char shared[];
    const auto unit = static_cast<Index>(blockIdx.y);
    const int groups = (p.parts.features + kBlockFeatures - 1) / kBlockFeatures;
    const int row0 = static_cast<int>(blockIdx.z) % groups * kBlockFeatures + static_cast<int>(threadIdx.x) / 32 * 32;
    const int col0 = static_cast<int>(blockIdx.z) / groups * kColumns;
    const Index first = static_cast<Index>(blockIdx.x) * p.rowsPerSplit;
    const KeyBlock<T, Steps> block{shared,
                                   sharedAddress(shared),
                                   p,
                                   static_cast<const T*>(p.k) + unit * p.keys * p.dim,
                                   static_cast<const T*>(p.v) + unit * p.keys * p.valueDim,
                                   min(p.keys, first + p.rowsPerSplit),
                                   col0};
    block.copy(0, first);
    block.copy(1, first + kKeyRows);
    FeatureSums<T, Steps> sums(p, row0);
    waitForCopies<1>();
    __syncthreads();
    block.square(0, first);
    int stage = 0;
    for (Index j = first; j < block.last; j += kKeyRows) {
        const int next = stage == kStages - 1 ? 0 : stage + 1;
        const int after = next == kStages - 1 ? 0 : next + 1;
        waitForCopies<0>();
        __syncthreads(); // the next stage is here, the squares of this one are written, and the one before is read
        block.copy(after, j + 2 * kKeyRows);
        block.square(next, j + kKeyRows);
#pragma unroll
        for (int row = 0; row < kKeyRows; row += 16)
            sums.add(block, stage, row);
        stage = next;
    }
    sums.store(p, unit, static_cast<int>(blockIdx.x), row0, col0);
}

/// Tiles: of 8 columns of the values. High: blocks of 16 queries of a warp.
template <class T, int Steps, int Tiles, int High>
struct QueryRows {
    std::uint32_t a[High][Steps][4];
    float c[High][Tiles + 1][4];
    float top[High][2];

    __device__ void start(const T* q, Index i, Index last, int dim)
    {
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                top[m][h] = 0.0F;
#pragma unroll
                for (int group = 0; group < Steps / 2; ++group) {
                    const uint4 x = loadEight(q, i + 16 * m + 8 * h + g, last, group * 32 + 8 * t, dim);
                    a[m][2 * group][h] = asHalves<T>(x.x);
                    a[m][2 * group][2 + h] = asHalves<T>(x.y);
                    a[m][2 * group + 1][h] = asHalves<T>(x.z);
                    a[m][2 * group + 1][2 + h] = asHalves<T>(x.w);
                }
            }
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int n = 0; n <= Tiles; ++n)
#pragma unroll
                for (int x = 0; x < 4; ++x)
                    c[m][n][x] = 0.0F;
    }

    /// Moves the tops, to which e is relative, up to the largest e; at the start down to it too.
    __device__ void raise(float (&e)[High][2][4], bool start)
    {
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                float most = fmaxf(fmaxf(e[m][0][2 * h], e[m][0][2 * h + 1]), fmaxf(e[m][1][2 * h], e[m][1][2 * h + 1]));
                most = fmaxf(most, __shfl_xor_sync(kWarp, most, 1));
                most = fmaxf(most, __shfl_xor_sync(kWarp, most, 2));
                most = start ? most : fmaxf(most, 0.0F);
                const float down = start ? 0.0F : exp2f(-most);
                top[m][h] += most;
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    e[m][0][2 * h + i] -= most;
                    e[m][1][2 * h + i] -= most;
#pragma unroll
                    for (int n = 0; n <= Tiles; ++n)
                        c[m][n][2 * h + i] *= down;
                }
            }
    }

    /// 16 features: their W as B fragments, shifts, and summed values as B fragments.
    __device__ void add(const uint4* w, const float* shifts, const uint2* values, bool start)
    {
        const int lane = threadIdx.x % 32;
        float e[High][2][4];
#pragma unroll
        for (int n = 0; n < 2; ++n) {
            const float2 shift = *reinterpret_cast<const float2*>(shifts + 8 * n + 2 * (lane % 4));
#pragma unroll
            for (int m = 0; m < High; ++m)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    e[m][n][2 * h] = shift.x - top[m][h];
                    e[m][n][2 * h + 1] = shift.y - top[m][h];
                }
        }
#pragma unroll
        for (int s = 0; s < Steps; ++s) {
            const uint4 b = w[s * 32 + lane];
#pragma unroll
            for (int m = 0; m < High; ++m) {
                Half<__half>::mma(e[m][0], a[m][s], b.x, b.y);
                Half<__half>::mma(e[m][1], a[m][s], b.z, b.w);
            }
        }
        float over = kNothing;
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int i = 0; i < 8; ++i)
                over = fmaxf(over, e[m][i / 4][i % 4]);
        if (__any_sync(kWarp, over > kRoom || start))
            raise(e, start);
        std::uint32_t phi[High][4];
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int n = 0; n < 2; ++n)
#pragma unroll
                for (int h = 0; h < 2; ++h)
                    phi[m][2 * n + h] = Half<T>::pack(exp2Fast(e[m][n][2 * h]), exp2Fast(e[m][n][2 * h + 1]));
#pragma unroll
        for (int n = 0; n <= Tiles; ++n) {
            const uint2 b = values[n * 32 + lane];
#pragma unroll
            for (int m = 0; m < High; ++m)
                Half<T>::mma(c[m][n], phi[m], b.x, b.y);
        }
    }

    __device__ void store(T* o, Index i, Index last, int cols) const
    {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int m = 0; m < High; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                const float sum = __shfl_sync(kWarp, c[m][Tiles][2 * h] + c[m][Tiles][2 * h + 1], lane & ~3);
                const Index row = i + 16 * m + 8 * h + lane / 4;
                if (row < last)
                    storeRow<T, Tiles>(o + row * cols, c[m], h, 1.0F / sum, lane % 4, cols);
            }
    }
};

template <int Steps, int Tiles>
constexpr std::size_t queryShared(int features)
{
    return static_cast<std::size_t>(features) / 16 * (Steps * 32 * sizeof(uint4) + (Tiles + 1) * 32 * sizeof(uint2) + 16 * sizeof(float));
}

template <class T, int Steps>
__device__ void fillFrequencies(uint4* fragments, const Problem& p)
{
    for (int at = threadIdx.x; at < p.state.features / 16 * Steps * 32; at += kQueryThreads) {
        const int lane = at % 32;
        const int step = at / 32 % Steps;
        const int f = at / 32 / Steps * 16 + lane / 4;
        std::uint32_t words[4];
        for (int i = 0; i < 4; ++i) {
            const int d = featureOf(step, lane % 4, i & 1, 0);
            words[i] = Half<__half>::pack(frequency(p, f + i / 2 * 8, d), frequency(p, f + i / 2 * 8, d + 1));
        }
        fragments[at] = make_uint4(words[0], words[1], words[2], words[3]);
    }
}

template <class T, int Steps, int Tiles, int High>
__global__ __launch_bounds__(kQueryThreads, Steps == 4 ? 3 : 2) void queryKernel(const Problem p)
{
    extern __shared__ __align__(128) char shared[];
    const int steps = p.state.features / 16;
    auto* const w = reinterpret_cast<uint4*>(shared);
    auto* const values = reinterpret_cast<uint2*>(w + steps * Steps * 32);
    auto* const shifts = reinterpret_cast<float*>(values + steps * (Tiles + 1) * 32);
    const auto head = static_cast<Index>(blockIdx.y);
    const Index unit = head / p.heads * p.kvHeads + head % p.heads * p.kvHeads / p.heads;
    fillFrequencies<T, Steps>(w, p);
    fillFragments<T, false, Tiles>(values, steps, p.state.values + unit * p.state.features * p.state.columns,
                                   p.state.weights + unit * p.state.features, 1.0F);
    for (int f = threadIdx.x; f < p.state.features; f += kQueryThreads)
        shifts[f] = p.state.shifts[unit * p.state.features + f];
    __syncthreads();
    const T* const q = static_cast<const T*>(p.q) + head * p.queries * p.dim;
    T* const o = static_cast<T*>(p.o) + head * p.queries * p.valueDim;
    constexpr int kRows = kQueryThreads / 32 * 16 * High;
    QueryRows<T, Steps, Tiles, High> rows;
    for (Index i = static_cast<Index>(blockIdx.x) * kRows + threadIdx.x / 32 * 16 * High; i < p.queries; i += gridDim.x * Index{kRows}) {
        rows.start(q, i, p.queries, p.dim);
        for (int s = 0; s < steps; ++s)
            rows.add(w + s * Steps * 32, shifts + 16 * s, values + s * (Tiles + 1) * 32, s == 0);
        rows.store(o, i, p.queries, p.valueDim);
    }
}

struct Plan {
    int features, columns; ///< padded
    bool wide;
    Index units, splits, rows;
    std::size_t floats() const { return partFloats(features, columns, units, splits); }
};

Plan planOf(const KernelProblem& p)
{
    const bool wide = p.shape.dim > 64 || p.shape.valueDim > 64;
    Plan plan{static_cast<int>((p.map.features + 31) / 32 * 32), wide ? 128 : 64, wide, p.shape.batch * p.kvHeads, 0, 0};
    const Index work = plan.units * ((plan.features + kBlockFeatures - 1) / kBlockFeatures) * (plan.columns / kColumns);
    plan.splits = splitKeys(p.shape.keys, work, wide ? 264 : 396, kKeyRows, &plan.rows);
    return plan;
}

template <class T, int Steps, int Tiles, int High>
cudaError_t launch(const KernelProblem& given, const Plan& plan, float* memory, cudaStream_t stream)
{
    const Shape& s = given.shape;
    const StateParts parts = partsAt(memory, plan.features, plan.columns, plan.units, plan.splits);
    const StateParts state = partsAt(memory + plan.floats(), plan.features, plan.columns, plan.units, 1);
    const Problem p{given.q,
                    given.k,
                    given.v,
                    given.o,
                    given.map.wk,
                    given.map.bias,
                    s.queries,
                    s.keys,
                    s.heads,
                    given.kvHeads,
                    plan.rows,
                    static_cast<int>(s.dim),
                    static_cast<int>(s.valueDim),
                    static_cast<int>(given.map.count),
                    static_cast<int>(given.map.features),
                    kLog2E * given.map.factor,
                    kLog2E * given.map.half,
                    parts,
                    state};
    const auto keyBytes = static_cast<std::size_t>(keyShared<Steps>());
    const std::size_t queryBytes = queryShared<Steps, Tiles>(plan.features);
    auto status = cudaFuncSetAttribute(keyKernel<T, Steps>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(keyBytes));
    if (status == cudaSuccess)
        status = cudaFuncSetAttribute(queryKernel<T, Steps, Tiles, High>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(queryBytes));
    if (status != cudaSuccess)
        return status;
    const int groups = (plan.features + kBlockFeatures - 1) / kBlockFeatures * (plan.columns / kColumns);
    const dim3 keyBlocks(static_cast<unsigned>(plan.splits), static_cast<unsigned>(plan.units), static_cast<unsigned>(groups));
    keyKernel<T, Steps><<<keyBlocks, kKeyThreads, keyBytes, stream>>>(p);
    status = cudaGetLastError();
    if (status == cudaSuccess)
        status = mergeParts(parts, state, plan.units, static_cast<int>(given.map.features), true, true, stream);
    if (status != cudaSuccess)
        return status;
    const Index heads = s.batch * s.heads;
    const Index tiles = (s.queries + 64 * High - 1) / (64 * High);
    const dim3 blocks(static_cast<unsigned>(std::clamp<Index>((plan.wide ? 264 : 396) / heads, 1, tiles)), static_cast<unsigned>(heads));
    queryKernel<T, Steps, Tiles, High><<<blocks, kQueryThreads, queryBytes, stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchOf(const KernelProblem& p, const Plan& plan, float* memory, cudaStream_t stream)
{
    return plan.wide ? launch<T, 8, 16, 1>(p, plan, memory, stream) : launch<T, 4, 8, 2>(p, plan, memory, stream);
}

} // namespace

bool fitsRandomFeatures(const KernelProblem& p)
{
    const bool known = (p.map.kind == MapKind::Exp || p.map.kind == MapKind::ExpPair) && !p.map.perHead && p.map.wq == p.map.wk;
    return known && bytesOf(p.dtype) == 2 && !p.causal && p.shape.dim % 8 == 0 && p.shape.valueDim % 8 == 0 && p.shape.dim <= 128 &&
           p.shape.valueDim <= 128 && p.map.features <= kMostFeatures;
}

std::size_t randomFeatureBytes(const KernelProblem& p)
{
    const Plan plan = planOf(p);
    return sizeof(float) * (plan.floats() + partFloats(plan.features, plan.columns, plan.units, 1));
}

cudaError_t launchRandomFeatures(const KernelProblem& p, void* workspace, cudaStream_t stream)
{
    const Plan plan = planOf(p);
    auto* const memory = static_cast<float*>(workspace);
    return p.dtype == Dtype::BF16 ? launchOf<__nv_bfloat16>(p, plan, memory, stream) : launchOf<__half>(p, plan, memory, stream);
}

} // namespace attnscope::kernels
