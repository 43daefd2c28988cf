// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel attention whose features are functions of single entries (elu + 1, the two softmaxes of Efficient Attention), on 16-bit
// inputs: two passes that read each input once, straight from device memory into the fragments of the tensor cores.
//
// Ladder (version, prediction, measured on an H100 with bf16, H = 8, D = 64, n = 262,144, whose copy reaches 3.0 TB/s; 2026-11-23):
//   1  keys: a warp holds 64 x 64 sums in registers and reads 16 keys at a time; queries: 16-byte loads are A fragments as they come,
//      because features and columns are permuted to fit, and C fragments leave as 16-byte stores. Predicted 0.40 ms, the time of the
//      copy; elu + 1 took 0.539 ms, 1.99 TB/s of the least traffic. Lesson: the loads that were written ahead of the products had
//      been moved to their first use, so that a warp waited for each of them.
//   2  loads that stay where they are. Predicted 0.45 ms; elu + 1 0.510 ms, 2.11 TB/s (torch.compile 1.499 ms); at D = 128 and half
//      the length 0.746 -> 0.607 ms. Lesson: 8 warps of 255 registers still wait for memory; the bulk copy engine would keep more
//      bytes on their way. The table: resources/benchmarks/cuda_linear.json.
#include "gpu/kernels/kernel_state.cuh"

namespace attnscope::kernels {

namespace {

constexpr int kThreads = 128;
constexpr int kTile = 64; // features and columns that one warp sums
constexpr int kStep = 16; // keys of one matrix instruction
constexpr Index kRowsPerBlock = 1024;
constexpr float kRoom = 10.0F; // exponents may exceed their shift by so much before the sums are scaled down

struct Problem {
    const void* q;
    const void* k;
    const void* v;
    void* o;
    Index queries, keys, heads, kvHeads, rowsPerSplit;
    int dim, valueDim;
    float factor; ///< Softmaxes: of p, in base 2
    StateParts parts, state;
};

__device__ Index kvUnit(const Problem& p, Index head) { return head / p.heads * p.kvHeads + head % p.heads * p.kvHeads / p.heads; }

__device__ float eluPlusOne(float x) { return x > 0.0F ? x + 1.0F : exp2Fast(x * kLog2E); }

/// 16 keys and their values, 8 columns each, as one thread holds them.
struct Keys {
    uint4 k[4], v[4];
};

template <class T, MapKind Kind>
struct KeySums {
    float sums[4][8][4] = {};
    float weights[4][4] = {};
    float shift[8];

    __device__ KeySums()
    {
        for (float& s : shift)
            s = kNothing;
    }

    /// Raises the shift of each feature to its largest exponent here and before.
    __device__ void raise(const uint4 (&k)[4], int left, float factor)
    {
        float down[8];
#pragma unroll
        for (int f = 0; f < 8; ++f) {
            float top = shift[f];
#pragma unroll
            for (int i = 0; i < 4; ++i)
                top = i < left ? fmaxf(top, factor * part<T>(k[i], f)) : top;
            top = fmaxf(top, __shfl_xor_sync(kWarp, top, 1));
            top = fmaxf(top, __shfl_xor_sync(kWarp, top, 2));
            down[f] = exp2f(shift[f] - top);
            shift[f] = top;
        }
#pragma unroll
        for (int m = 0; m < 4; ++m) {
#pragma unroll
            for (int n = 0; n < 8; ++n)
                for (int c = 0; c < 4; ++c)
                    sums[m][n][c] *= down[2 * m + c / 2];
            for (int c = 0; c < 4; ++c)
                weights[m][c] *= down[2 * m + c / 2];
        }
    }

    __device__ float feature(float x, int f, float factor) const
    {
        return Kind == MapKind::Elu ? eluPlusOne(x) : exp2Fast(fmaf(factor, x, -shift[f]));
    }

    /// `left` of this thread's 4 keys are there.
    __device__ void add(const Keys& keys, int left, float factor)
    {
        if constexpr (Kind == MapKind::Softmaxes) {
            float over = kNothing;
#pragma unroll
            for (int f = 0; f < 8; ++f)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    over = i < left ? fmaxf(over, fmaf(factor, part<T>(keys.k[i], f), -shift[f])) : over;
            if (__any_sync(kWarp, over > kRoom))
                raise(keys.k, left, factor);
        }
        const std::uint32_t first = left > 1 ? 0xFFFFFFFFU : left == 1 ? 0xFFFFU : 0U;
        const std::uint32_t second = left > 3 ? 0xFFFFFFFFU : left == 3 ? 0xFFFFU : 0U;
        std::uint32_t b[8][2];
#pragma unroll
        for (int n = 0; n < 8; ++n) {
            b[n][0] = pairOf(keys.v[0], keys.v[1], n);
            b[n][1] = pairOf(keys.v[2], keys.v[3], n);
        }
        const std::uint32_t one = Half<T>::pack(1.0F, 1.0F);
#pragma unroll
        for (int m = 0; m < 4; ++m) {
            std::uint32_t a[4];
#pragma unroll
            for (int e = 0; e < 2; ++e) {
                const int f = 2 * m + e;
                const auto phi = [&](int i) { return feature(part<T>(keys.k[i], f), f, factor); };
                a[e] = Half<T>::pack(phi(0), phi(1)) & first;
                a[2 + e] = Half<T>::pack(phi(2), phi(3)) & second;
            }
#pragma unroll
            for (int n = 0; n < 8; ++n)
                Half<T>::mma(sums[m][n], a, b[n][0], b[n][1]);
            Half<T>::mma(weights[m], a, one, one);
        }
    }

    /// Features 8 g + 2 m + e are rows, columns 16 t + 8 c + n.
    __device__ void store(const StateParts& parts, Index unit, int split, int row0, int col0) const
    {
        const int g = threadIdx.x % 32 / 4;
        const int t = threadIdx.x % 4;
        const Index first = (unit * parts.splits + split) * parts.features;
#pragma unroll
        for (int m = 0; m < 4; ++m)
#pragma unroll
            for (int e = 0; e < 2; ++e) {
                const Index row = first + row0 + 8 * g + 2 * m + e;
                float* const to = parts.values + row * parts.columns + col0 + 16 * t;
#pragma unroll
                for (int n = 0; n < 8; ++n) {
                    to[n] = sums[m][n][2 * e];
                    to[8 + n] = sums[m][n][2 * e + 1];
                }
                if (t == 0 && col0 == 0) {
                    parts.weights[row] = weights[m][2 * e];
                    parts.shifts[row] = shift[2 * m + e];
                }
            }
    }
};

/// Each warp sums the keys of its slice of the block's range into its own part.
template <class T, MapKind Kind, int Tiles>
__global__ __launch_bounds__(kThreads, 2) void keyKernel(const Problem p)
{
    constexpr int kSlices = 4 / (Tiles * Tiles);
    const int warp = threadIdx.x / 32;
    const int g = threadIdx.x % 32 / 4;
    const int t = threadIdx.x % 4;
    const int row0 = warp % Tiles * kTile;
    const int col0 = warp / Tiles % Tiles * kTile;
    const int slice = warp / (Tiles * Tiles);
    const auto unit = static_cast<Index>(blockIdx.y);
    const T* const k = static_cast<const T*>(p.k) + unit * p.keys * p.dim;
    const T* const v = static_cast<const T*>(p.v) + unit * p.keys * p.valueDim;
    const Index last = min(p.keys, (static_cast<Index>(blockIdx.x) + 1) * p.rowsPerSplit);
    const auto load = [&](Keys& keys, Index j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            keys.k[i] = loadEight(k, j + 4 * t + i, last, row0 + 8 * g, p.dim);
            keys.v[i] = loadEight(v, j + 4 * t + i, last, col0 + 8 * g, p.valueDim);
        }
    };
    KeySums<T, Kind> sums;
    Keys now;
    Index j = static_cast<Index>(blockIdx.x) * p.rowsPerSplit + slice * kStep;
    load(now, j);
#pragma unroll 2
    for (; j < last; j += kStep * kSlices) {
        Keys next;
        load(next, j + kStep * kSlices);
        sums.add(now, static_cast<int>(min(Index{4}, last - j - 4 * t)), p.factor);
        now = next;
    }
    sums.store(p.parts, unit, static_cast<int>(blockIdx.x) * kSlices + slice, row0, col0);
}

/// The features of 16 queries as A fragments; for softmaxes `factor` [2] becomes what the rows still have to be multiplied by.
template <class T, MapKind Kind, int Groups>
__device__ void queryFeatures(const uint4 (&x)[2][Groups], const Problem& p, std::uint32_t (&a)[2 * Groups][4], float (&factor)[2])
{
    const int t = threadIdx.x % 4;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        float top = kNothing;
        if constexpr (Kind == MapKind::Softmaxes) {
#pragma unroll
            for (int i = 0; i < Groups; ++i)
                for (int e = 0; e < 8 && i * 32 + 8 * t < p.dim; ++e)
                    top = fmaxf(top, p.factor * part<T>(x[h][i], e));
            top = fmaxf(top, __shfl_xor_sync(kWarp, top, 1));
            top = fmaxf(top, __shfl_xor_sync(kWarp, top, 2));
        }
        float sum = 0.0F;
#pragma unroll
        for (int i = 0; i < Groups; ++i) {
            const bool there = i * 32 + 8 * t < p.dim;
#pragma unroll
            for (int w = 0; w < 4; ++w) {
                float phi[2];
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    const float value = part<T>(x[h][i], 2 * w + e);
                    if constexpr (Kind == MapKind::Elu)
                        phi[e] = eluPlusOne(value);
                    else {
                        phi[e] = there ? exp2Fast(fmaf(p.factor, value, -top)) : 0.0F;
                        sum += phi[e];
                    }
                }
                a[2 * i + w / 2][(w & 1) * 2 + h] = Half<T>::pack(phi[0], phi[1]);
            }
        }
        if constexpr (Kind == MapKind::Softmaxes) {
            sum += __shfl_xor_sync(kWarp, sum, 1);
            sum += __shfl_xor_sync(kWarp, sum, 2);
            factor[h] = 1.0F / sum;
        }
    }
}

template <class T, MapKind Kind, int Tiles>
__global__ __launch_bounds__(kThreads) void queryKernel(const Problem p)
{
    constexpr int kGroups = 2 * Tiles;
    constexpr int kColumns = 8 * Tiles;
    constexpr int kHigh = Tiles == 1 ? 2 : 1; // blocks of 16 queries that a warp works on at a time
    __shared__ uint2 fragments[2 * kGroups * (kColumns + 1) * 32];
    const auto head = static_cast<Index>(blockIdx.y);
    const Index unit = kvUnit(p, head);
    const int lane = threadIdx.x % 32;
    const float* const weights = p.state.weights + unit * p.state.features;
    float most = 0.0F; // sums over many keys would overflow 16 bits
    for (int f = lane; f < p.state.features; f += 32)
        most = fmaxf(most, weights[f]);
    for (int far = 16; far > 0; far /= 2)
        most = fmaxf(most, __shfl_xor_sync(kWarp, most, far));
    fillFragments<T, true, kColumns>(fragments, 2 * kGroups, p.state.values + unit * p.state.features * p.state.columns, weights,
                                     1.0F / most);
    __syncthreads();
    const int t = lane % 4;
    const T* const q = static_cast<const T*>(p.q) + head * p.queries * p.dim;
    T* const o = static_cast<T*>(p.o) + head * p.queries * p.valueDim;
    const Index last = min(p.queries, (static_cast<Index>(blockIdx.x) + 1) * kRowsPerBlock);
    uint4 x[kHigh][2][kGroups];
    const auto load = [&](Index i) {
#pragma unroll
        for (int m = 0; m < kHigh; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h)
#pragma unroll
                for (int group = 0; group < kGroups; ++group)
                    x[m][h][group] = loadEight(q, i + 16 * m + 8 * h + lane / 4, last, group * 32 + 8 * t, p.dim);
    };
    Index i = static_cast<Index>(blockIdx.x) * kRowsPerBlock + threadIdx.x / 32 * 16 * kHigh;
    load(i);
    for (; i < last; i += kThreads / 32 * 16 * kHigh) {
        std::uint32_t a[kHigh][2 * kGroups][4];
        float factor[kHigh][2];
#pragma unroll
        for (int m = 0; m < kHigh; ++m)
            queryFeatures<T, Kind, kGroups>(x[m], p, a[m], factor[m]);
        load(i + kThreads / 32 * 16 * kHigh);
        float c[kHigh][kColumns + 1][4] = {};
#pragma unroll
        for (int step = 0; step < 2 * kGroups; ++step)
#pragma unroll
            for (int n = 0; n < kColumns + (Kind == MapKind::Elu ? 1 : 0); ++n) {
                const uint2 b = fragments[(step * (kColumns + 1) + n) * 32 + lane];
#pragma unroll
                for (int m = 0; m < kHigh; ++m)
                    Half<T>::mma(c[m][n], a[m][step], b.x, b.y);
            }
#pragma unroll
        for (int m = 0; m < kHigh; ++m)
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                if constexpr (Kind == MapKind::Elu)
                    factor[m][h] = 1.0F / __shfl_sync(kWarp, c[m][kColumns][2 * h] + c[m][kColumns][2 * h + 1], lane & ~3);
                const Index row = i + 16 * m + 8 * h + lane / 4;
                if (row < last)
                    storeRow<T, kColumns>(o + row * p.valueDim, c[m], h, factor[m][h], t, p.valueDim);
            }
    }
}

struct Plan {
    int tiles;
    Index units, splits, rows;
    std::size_t floats() const { return partFloats(64 * tiles, 64 * tiles, units, splits * slices()); }
    int slices() const { return 4 / (tiles * tiles); }
};

Plan planOf(const KernelProblem& p)
{
    Plan plan{p.shape.dim > kTile || p.shape.valueDim > kTile ? 2 : 1, p.shape.batch * p.kvHeads, 0, 0};
    plan.splits = splitKeys(p.shape.keys, plan.units, 264, Index{kStep} * plan.slices(), &plan.rows);
    return plan;
}

template <class T, MapKind Kind, int Tiles>
cudaError_t launch(const KernelProblem& given, const Plan& plan, float* memory, cudaStream_t stream)
{
    const Shape& s = given.shape;
    const int width = kTile * Tiles;
    const StateParts parts = partsAt(memory, width, width, plan.units, plan.splits * plan.slices());
    const StateParts state = partsAt(memory + plan.floats(), width, width, plan.units, 1);
    const Problem p{given.q,
                    given.k,
                    given.v,
                    given.o,
                    s.queries,
                    s.keys,
                    s.heads,
                    given.kvHeads,
                    plan.rows,
                    static_cast<int>(s.dim),
                    static_cast<int>(s.valueDim),
                    kLog2E * given.map.factor,
                    parts,
                    state};
    keyKernel<T, Kind, Tiles><<<dim3(static_cast<unsigned>(plan.splits), static_cast<unsigned>(plan.units)), kThreads, 0, stream>>>(p);
    if (const auto status = cudaGetLastError(); status != cudaSuccess)
        return status;
    constexpr bool kSoft = Kind == MapKind::Softmaxes;
    if (const auto status = mergeParts(parts, state, plan.units, static_cast<int>(s.dim), kSoft, kSoft, stream); status != cudaSuccess)
        return status;
    const dim3 blocks(static_cast<unsigned>((s.queries + kRowsPerBlock - 1) / kRowsPerBlock), static_cast<unsigned>(s.batch * s.heads));
    queryKernel<T, Kind, Tiles><<<blocks, kThreads, 0, stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launchOf(const KernelProblem& p, const Plan& plan, float* memory, cudaStream_t stream)
{
    if (p.map.kind == MapKind::Elu)
        return plan.tiles == 1 ? launch<T, MapKind::Elu, 1>(p, plan, memory, stream) : launch<T, MapKind::Elu, 2>(p, plan, memory, stream);
    return plan.tiles == 1 ? launch<T, MapKind::Softmaxes, 1>(p, plan, memory, stream)
                           : launch<T, MapKind::Softmaxes, 2>(p, plan, memory, stream);
}

} // namespace

bool fitsElementwise(const KernelProblem& p)
{
    const bool known = p.map.kind == MapKind::Elu || p.map.kind == MapKind::Softmaxes;
    return known && !p.map.isFiltered && bytesOf(p.dtype) == 2 && !p.causal && p.shape.dim % 8 == 0 && p.shape.valueDim % 8 == 0 &&
           p.shape.dim <= 2 * kTile && p.shape.valueDim <= 2 * kTile;
}

std::size_t elementwiseBytes(const KernelProblem& p)
{
    const Plan plan = planOf(p);
    return sizeof(float) * (plan.floats() + partFloats(kTile * plan.tiles, kTile * plan.tiles, plan.units, 1));
}

cudaError_t launchElementwise(const KernelProblem& p, void* workspace, cudaStream_t stream)
{
    const Plan plan = planOf(p);
    auto* const memory = static_cast<float*>(workspace);
    return p.dtype == Dtype::BF16 ? launchOf<__nv_bfloat16>(p, plan, memory, stream) : launchOf<__half>(p, plan, memory, stream);
}

} // namespace attnscope::kernels
