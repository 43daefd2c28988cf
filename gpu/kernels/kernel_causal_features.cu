// SPDX-License-Identifier: GPL-3.0-or-later
// Features of queries and keys as 16-bit matrices, for causal kernel attention: projection on tensor cores in float16, then the map.
//
// Where the map is logarithmic, keys' features are relative to the largest of their segment and of those before, feature by feature;
// queries' to the largest product with these, row by row, which the division by the sums cancels. Columns stand in the order in which a
// thread holds them, the same for queries and keys. The ladder stands in kernel_causal.cu.
#include "gpu/kernels/kernel_causal.cuh"
#include "gpu/kernels/kernel_random.cuh"

#include <algorithm>

namespace attnscope::kernels::causal {

namespace {

constexpr float kInversePi = 0.31830988618379067F;
constexpr float kLeastLog = -27.631021F * kLog2E; // of Hedgehog's features, 1e-12

enum class Pass { Maxima, Keys, Queries };

struct Side {
    const void* x; ///< [heads, rows, dim]
    const float* w;
    Index rows;
    Index offset; ///< place of row 0 among the keys
    Index tiles;
};

__device__ inline bool isPair(MapKind kind)
{
    return kind == MapKind::ExpPair || kind == MapKind::Trig || kind == MapKind::Cosine || kind == MapKind::Hedgehog;
}

/// 16 rows of a warp: rows g and g + 8 of each thread.
template <class T, int Steps>
struct Rows {
    const Problem& p;
    const CardMap& map;
    const uint4* w; ///< B fragments of W, null where there is none
    int dim;
    int chunks;  ///< of 64 projected numbers
    const T* x0; ///< the unit's rows
    Index row;
    Index limit;
    Index place[2];
    float unit; ///< of the projected numbers: log2 e for logarithms
    std::uint32_t a[Steps][4];
    float half[2];
    float stat[2][2];
    float angle[2][2]; ///< cosine, sine
    float top[2] = {0.0F, 0.0F};
    float e[8][4];

    __device__ void load()
    {
        const int t = threadIdx.x % 4;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            float square = 0.0F;
#pragma unroll
            for (int group = 0; group < Steps / 2; ++group) {
                const uint4 x = loadEight(x0, row + 8 * h, limit, group * 32 + 8 * t, dim);
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    square = fmaf(part<T>(x, i), part<T>(x, i), square);
                a[2 * group][h] = random::asHalves<T>(x.x);
                a[2 * group][2 + h] = random::asHalves<T>(x.y);
                a[2 * group + 1][h] = random::asHalves<T>(x.z);
                a[2 * group + 1][2 + h] = random::asHalves<T>(x.w);
            }
            square += __shfl_xor_sync(kWarp, square, 1);
            square += __shfl_xor_sync(kWarp, square, 2);
            half[h] = kLog2E * map.half * square;
            if (map.kind == MapKind::Cosine)
                sincospif(0.5F * static_cast<float>(static_cast<double>(place[h] + 1) / static_cast<double>(map.reach)), &angle[h][1],
                          &angle[h][0]);
        }
    }

    /// Projected numbers 64 chunk .. 64 chunk + 63, of which this thread holds columns 8 n + 2 t and the next of both rows.
    __device__ void project(int chunk)
    {
        const int lane = threadIdx.x % 32;
        if (w == nullptr) {
#pragma unroll
            for (int n = 0; n < 8; ++n)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    const int c = 64 * chunk + 8 * n + 2 * (lane % 4);
                    std::uint32_t word = 0;
                    if (row + 8 * h < limit && c < dim)
                        word = __ldg(reinterpret_cast<const unsigned*>(x0 + (row + 8 * h) * dim + c));
                    e[n][2 * h] = unit * Half<T>::low(word);
                    e[n][2 * h + 1] = unit * Half<T>::high(word);
                }
            return;
        }
#pragma unroll
        for (int n = 0; n < 8; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                e[n][i] = 0.0F;
#pragma unroll
        for (int s = 0; s < Steps; ++s)
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                const uint4 b = w[((chunk * 4 + n / 2) * Steps + s) * 32 + lane];
                Half<__half>::mma(e[n], a[s], b.x, b.y);
                Half<__half>::mma(e[n + 1], a[s], b.z, b.w);
            }
    }

    /// e becomes map(e), 64 columns at once.
    template <class Map>
    __device__ void forAll(Map map)
    {
#pragma unroll
        for (int n = 0; n < 8; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                e[n][i] = map(e[n][i], n, i);
    }

    /// The features (or their logarithms) of 64 projected numbers into e, of the first or second half of the features.
    __device__ void makeFeatures(int chunk, int side, const float* bias)
    {
        project(chunk);
        const float sign = side == 0 ? 1.0F : -1.0F;
        const float below[2] = {side == 0 ? stat[0][0] : stat[0][1], side == 0 ? stat[1][0] : stat[1][1]};
        const float turn[2] = {side == 0 ? angle[0][0] : angle[0][1], side == 0 ? angle[1][0] : angle[1][1]};
        switch (map.kind) {
        case MapKind::Elu:
            forAll([](float x, int, int) { return x > 0.0F ? x + 1.0F : exp2Fast(x * kLog2E); });
            break;
        case MapKind::Relu:
            forAll([this](float x, int, int) { return fmaxf(x, 0.0F) + map.floor; });
            break;
        case MapKind::Exp:
        case MapKind::ExpPair:
            forAll([&](float x, int n, int i) { return sign * x - half[i / 2] + (bias ? biasAt(bias, chunk, n, i) : 0.0F); });
            break;
        case MapKind::Trig:
            if (side == 0)
                forAll([](float x, int, int) { return cospif(x); });
            else
                forAll([](float x, int, int) { return sinpif(x); });
            break;
        case MapKind::Cosine:
            if (map.eluActivation)
                forAll([&](float x, int, int i) { return turn[i / 2] * (x > 0.0F ? x + 1.0F : exp2Fast(x * kLog2E)); });
            else
                forAll([&](float x, int, int i) { return turn[i / 2] * fmaxf(x, 0.0F); });
            break;
        case MapKind::Hedgehog:
            if (map.hedgehog == 2)
                forAll([&](float x, int, int) { return sign * x; });
            else
                forAll([&](float x, int, int i) { return fmaxf(sign * x - below[i / 2], kLeastLog); });
            break;
        default:
            break;
        }
    }

    /// Hedgehog's statistics of a row: the largest numbers of both signs, or the logarithms of their sums of exponentials.
    __device__ void findStatistics()
    {
#pragma unroll
        for (int side = 0; side < 2; ++side) {
            const float sign = side == 0 ? 1.0F : -1.0F;
            float most[2] = {kNothing, kNothing};
            float sum[2] = {0.0F, 0.0F};
#pragma unroll 1
            for (int chunk = 0; chunk < chunks; ++chunk) {
                project(chunk);
                forAll([&](float x, int n, int i) { return hasNumber(chunk, n, i) ? sign * x : kNothing; });
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    float next = most[h];
                    float more = 0.0F;
#pragma unroll
                    for (int n = 0; n < 8; ++n)
                        next = fmaxf(next, fmaxf(e[n][2 * h], e[n][2 * h + 1]));
#pragma unroll
                    for (int n = 0; n < 8; ++n)
                        more += exp2Fast(e[n][2 * h] - next) + exp2Fast(e[n][2 * h + 1] - next);
                    sum[h] = sum[h] * exp2Fast(most[h] - next) + more;
                    most[h] = next;
                }
            }
#pragma unroll
            for (int h = 0; h < 2; ++h) {
#pragma unroll
                for (int far = 1; far < 4; far *= 2) {
                    const float next = fmaxf(most[h], __shfl_xor_sync(kWarp, most[h], far));
                    sum[h] *= exp2Fast(most[h] - next);
                    sum[h] += __shfl_xor_sync(kWarp, sum[h], far);
                    most[h] = next;
                }
                stat[h][side] = most[h] + (map.hedgehog == 0 ? log2f(sum[h]) : 0.0F);
            }
        }
    }

    __device__ float biasAt(const float* bias, int chunk, int n, int i) const
    {
        const int f = 64 * chunk + 8 * n + 2 * static_cast<int>(threadIdx.x % 4) + i % 2;
        return bias && f < map.count ? kLog2E * __ldg(bias + f) : 0.0F;
    }
    __device__ bool hasNumber(int chunk, int n, int i) const
    {
        return 64 * chunk + 8 * n + 2 * static_cast<int>(threadIdx.x % 4) + i % 2 < map.count;
    }
    /// Where tiles 4 m .. 4 m + 3 of a thread stand among the columns: 8 numbers beside each other.
    __device__ int columnAt(int chunk, int side, int m) const
    {
        return 64 * (side * chunks + chunk) + 32 * m + 8 * static_cast<int>(threadIdx.x % 4);
    }

    /// Queries: the largest logarithm of a row with the shifts, which come per row.
    __device__ void findTops(const float* bias, const float* shifts0, const float* shifts1, int sides)
    {
        top[0] = top[1] = kNothing;
#pragma unroll 1
        for (int at = 0; at < chunks * sides; ++at) {
            const int chunk = at / sides;
            const int side = at % sides;
            makeFeatures(chunk, side, bias);
#pragma unroll
            for (int n = 0; n < 8; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    if (hasNumber(chunk, n, i))
                        top[i / 2] =
                            fmaxf(top[i / 2], e[n][i] + (i < 2 ? shifts0 : shifts1)[columnAt(chunk, side, n / 4) + n % 4 * 2 + i % 2]);
        }
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            top[h] = fmaxf(top[h], __shfl_xor_sync(kWarp, top[h], 1));
            top[h] = fmaxf(top[h], __shfl_xor_sync(kWarp, top[h], 2));
        }
    }

    /// All features of the rows to `to` [rows, F]. `sign`: 1 adds the shifts (queries), -1 subtracts them (keys).
    __device__ void write(T* to, const float* bias, const float* shifts0, const float* shifts1, float sign, int sides)
    {
        const bool logs = isLogarithmic(map.kind);
        const bool trig = map.kind == MapKind::Trig && sign < 0.0F;
#pragma unroll 1
        for (int each = 0; each < chunks * sides; ++each) {
            const int chunk = each / sides;
            const int side = each % sides;
            makeFeatures(chunk, side, bias);
            if (logs)
                forAll([&](float x, int n, int i) {
                    const float shift = (i < 2 ? shifts0 : shifts1)[columnAt(chunk, side, n / 4) + n % 4 * 2 + i % 2];
                    return exp2Fast(x + sign * shift - top[i / 2]);
                });
            if (trig)
                forAll([&](float x, int n, int i) {
                    return x * exp2Fast(half[i / 2] - (i < 2 ? shifts0 : shifts1)[columnAt(chunk, side, n / 4) + n % 4 * 2 + i % 2]);
                });
            forAll([&](float x, int n, int i) { return hasNumber(chunk, n, i) ? x : 0.0F; });
#pragma unroll
            for (int m = 0; m < 2; ++m)
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    std::uint32_t word[4];
#pragma unroll
                    for (int n = 0; n < 4; ++n)
                        word[n] = Half<T>::pack(e[4 * m + n][2 * h], e[4 * m + n][2 * h + 1]);
                    if (row + 8 * h < limit)
                        *reinterpret_cast<uint4*>(to + (row + 8 * h) * p.features + columnAt(chunk, side, m)) =
                            make_uint4(word[0], word[1], word[2], word[3]);
                }
        }
    }

    /// Each column's largest logarithm of the block's rows into `to` [F]; `part` [8 warps][64] is scratch.
    __device__ void writeMaxima(float* to, float* part, const float* bias, int sides)
    {
        const int lane = threadIdx.x % 32;
#pragma unroll 1
        for (int each = 0; each < chunks * sides; ++each) {
            const int chunk = each / sides;
            const int side = each % sides;
            if (map.kind == MapKind::Trig)
                forAll([this](float, int, int i) { return half[i / 2]; });
            else
                makeFeatures(chunk, side, bias);
            forAll([&](float x, int n, int i) { return row + i / 2 * 8 < limit && hasNumber(chunk, n, i) ? x : kNothing; });
#pragma unroll
            for (int n = 0; n < 8; ++n)
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    float most = fmaxf(e[n][i], e[n][2 + i]);
                    for (int far = 4; far < 32; far *= 2)
                        most = fmaxf(most, __shfl_xor_sync(kWarp, most, far));
                    if (lane < 4)
                        part[threadIdx.x / 32 * 64 + n / 4 * 32 + 8 * lane + n % 4 * 2 + i] = most;
                }
            __syncthreads();
            if (threadIdx.x < 64) {
                float most = kNothing;
                for (int warp = 0; warp < kThreads / 32; ++warp)
                    most = fmaxf(most, part[warp * 64 + threadIdx.x]);
                to[64 * (side * chunks + chunk) + threadIdx.x] = most;
            }
            __syncthreads();
        }
    }
};

/// B fragments of W, times `unit`, in the order in which loadEight() brings the rows.
template <int Steps>
__device__ void fillWeights(uint4* fragments, const float* w, int chunks, int count, int dim, float unit)
{
    for (int at = threadIdx.x; at < chunks * 4 * Steps * 32; at += kThreads) {
        const int lane = at % 32;
        const int step = at / 32 % Steps;
        const int f = at / 32 / Steps * 16 + lane / 4;
        std::uint32_t words[4];
        for (int i = 0; i < 4; ++i) {
            const int d = featureOf(step, lane % 4, i & 1, 0);
            const int row = f + i / 2 * 8;
            const auto number = [&](int c) { return row < count && c < dim ? unit * __ldg(w + static_cast<Index>(row) * dim + c) : 0.0F; };
            words[i] = Half<__half>::pack(number(d), number(d + 1));
        }
        fragments[at] = make_uint4(words[0], words[1], words[2], words[3]);
    }
    __syncthreads();
}

template <class T, int Steps, Pass Which>
__global__ __launch_bounds__(kThreads) void featureKernel(const Problem p, const Side side)
{
    extern __shared__ __align__(128) char shared[];
    constexpr bool kQuery = Which == Pass::Queries;
    const CardMap& map = p.given.map;
    const int chunks = static_cast<int>((map.count + 63) / 64);
    const auto head = static_cast<Index>(blockIdx.y); // a query head, or a unit
    const Index unit = kQuery ? unitOf(p, head) : head;
    const int dim = static_cast<int>(p.given.shape.dim);
    auto* const w = reinterpret_cast<uint4*>(shared + sizeof(float) * 8 * 64);
    const float scale = map.factor * (isLogarithmic(map.kind) ? kLog2E : map.kind == MapKind::Trig ? kInversePi : 1.0F);
    const Index mapHead = map.perHead ? head : 0;
    if (side.w)
        fillWeights<Steps>(w, side.w + mapHead * map.count * dim, chunks, static_cast<int>(map.count), dim, scale);
    const float* const bias = map.bias ? map.bias + mapHead * map.count : nullptr;
    const T* const x = static_cast<const T*>(side.x) + (kQuery ? head : keysOf(p, head)) * side.rows * dim;
    const int sides = isPair(map.kind) ? 2 : 1;
    for (Index tile = blockIdx.x; tile < side.tiles; tile += gridDim.x) {
        const Index row = tile * kRows + static_cast<int>(threadIdx.x) / 32 * 16 + static_cast<int>(threadIdx.x) % 32 / 4;
        Rows<T, Steps> rows{p, map, side.w ? w : nullptr, dim, chunks, x, row, side.rows};
        const float* shifts[2] = {nullptr, nullptr};
        for (int h = 0; h < 2; ++h) {
            rows.place[h] = side.offset + row + 8 * h;
            const Index segment = min(rows.place[h] / kSegment, p.segments - 1);
            if (p.shifts)
                shifts[h] = p.shifts + (unit * p.segments + segment) * p.features;
        }
        rows.unit = scale;
        rows.load();
        if (map.kind == MapKind::Hedgehog && map.hedgehog < 2)
            rows.findStatistics();
        if constexpr (Which == Pass::Maxima)
            rows.writeMaxima(p.own + (unit * p.halves + tile) * p.features, reinterpret_cast<float*>(shared), bias, sides);
        else {
            if (kQuery && isLogarithmic(map.kind))
                rows.findTops(bias, shifts[0], shifts[1], sides);
            T* const to = static_cast<T*>(kQuery ? p.phiQ : p.phiK) + head * side.rows * p.features;
            rows.write(to, bias, shifts[0], shifts[1], kQuery ? 1.0F : -1.0F, sides);
        }
    }
}

/// From the largest of each half segment to the largest up to the end of each segment; eight segments' loads are on their way at once.
__global__ void shiftKernel(const Problem p)
{
    constexpr int kAtOnce = 8;
    constexpr int kHalves = kSegment / kRows;
    const int f = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const auto unit = static_cast<Index>(blockIdx.y);
    const float* const own = p.own + unit * p.halves * p.features + f;
    float* const shifts = p.shifts + unit * p.segments * p.features + f;
    float most = kNothing;
    for (Index first = 0; first < p.segments; first += kAtOnce) {
        float next[kAtOnce * kHalves];
#pragma unroll
        for (int i = 0; i < kAtOnce * kHalves; ++i)
            next[i] = first * kHalves + i < p.halves ? own[(first * kHalves + i) * p.features] : kNothing;
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
            for (int half = 0; half < kHalves; ++half)
                most = fmaxf(most, next[i * kHalves + half]);
            if (first + i < p.segments)
                shifts[(first + i) * p.features] = most;
        }
    }
}

template <class T, int Steps, Pass Which>
cudaError_t launchPass(const Problem& p, const Side& side, Index heads, cudaStream_t stream)
{
    const std::size_t bytes = featureShared(p.given);
    const auto status =
        cudaFuncSetAttribute(featureKernel<T, Steps, Which>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    if (status != cudaSuccess)
        return status;
    const Index blocks = std::clamp<Index>(792 / heads, 1, side.tiles);
    featureKernel<T, Steps, Which><<<dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(heads)), kThreads, bytes, stream>>>(p, side);
    return cudaGetLastError();
}

template <class T, int Steps>
cudaError_t launchAll(const Problem& p, cudaStream_t stream)
{
    const Shape& s = p.given.shape;
    const Side keys{p.given.k, p.given.map.wk, s.keys, 0, p.halves};
    const Side queries{p.given.q, p.given.map.wq, s.queries, s.keys - s.queries, (s.queries + kRows - 1) / kRows};
    auto status = cudaSuccess;
    if (p.shifts) {
        status = launchPass<T, Steps, Pass::Maxima>(p, keys, p.units, stream);
        if (status == cudaSuccess) {
            shiftKernel<<<dim3(static_cast<unsigned>(p.features / 64), static_cast<unsigned>(p.units)), 64, 0, stream>>>(p);
            status = cudaGetLastError();
        }
    }
    if (status == cudaSuccess)
        status = launchPass<T, Steps, Pass::Keys>(p, keys, p.units, stream);
    if (status == cudaSuccess)
        status = launchPass<T, Steps, Pass::Queries>(p, queries, s.batch * s.heads, stream);
    return status;
}

} // namespace

std::size_t featureShared(const KernelProblem& p)
{
    const auto chunks = static_cast<std::size_t>((p.map.count + 63) / 64);
    const std::size_t steps = p.shape.dim > 64 ? 8 : 4;
    return sizeof(float) * 8 * 64 + (p.map.wk ? chunks * 4 * steps * 32 * sizeof(uint4) : 0);
}

cudaError_t launchFeatures(const Problem& p, cudaStream_t stream)
{
    const bool wide = p.given.shape.dim > 64;
    if (p.given.dtype == Dtype::BF16)
        return wide ? launchAll<__nv_bfloat16, 8>(p, stream) : launchAll<__nv_bfloat16, 4>(p, stream);
    return wide ? launchAll<__half, 8>(p, stream) : launchAll<__half, 4>(p, stream);
}

} // namespace attnscope::kernels::causal
