// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel attention for every feature map, mask, width and number format, with float32 arithmetic and logarithmic features kept
// relative to shifts, as the CPU's engine does.
//
// Ladder (version, what it does, measured on an H100 with H = 8, D = 64, n = 65,536; 2026-11-23):
//   1  tiles of 64 x 64 in shared memory, 4 x 4 outputs a thread; keys in parts (or chunks of 256 where causal), a scan over them,
//      then queries: the state before their chunk, and their own chunk as an attention tile. f32, all keys: elu + 1 2.70 ms, Performer
//      with 256 features 12.6 ms; bf16, causal: 8.05 and 30.8 ms. Lesson: both operands of every FMA come from shared memory, and a
//      causal chunk's key features are made anew for each block of its queries.
#include "gpu/kernels/kernel_general.cuh"

#include <algorithm>

namespace attnscope::kernels {

namespace general {

namespace {

/// Of each row's projected numbers z: the maxima of z and -z, or the logarithms of their sums of exponentials. One warp a row.
template <class T>
__global__ __launch_bounds__(kThreads) void statsKernel(const Problem p, bool query, bool sums)
{
    const Index row = static_cast<Index>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32;
    const Index count = query ? p.queries : p.keys;
    const auto unit = static_cast<Index>(blockIdx.y);
    if (row >= count)
        return;
    const Index from = query ? unit : p.map.perHead ? kvUnit(p, unit) : unit;
    const T* const x = static_cast<const T*>(query ? p.q : p.k) + (from * count + row) * p.dim;
    const float* const w = query ? p.map.wq : p.map.wk;
    const Index head = p.map.perHead ? unit : 0;
    float top[2] = {kNothing, kNothing};
    float sum[2] = {0.0F, 0.0F};
    for (Index r = threadIdx.x % 32; r < p.map.count; r += 32) {
        float z = 0.0F;
        for (int c = 0; w && c < p.dim; ++c)
            z = fmaf(asFloat(x[c]), w[(head * p.map.count + r) * p.dim + c], z);
        z = p.map.factor * (w ? z : asFloat(x[r]));
        for (int s = 0; s < 2; ++s) {
            const float e = s == 0 ? z : -z;
            const float most = fmaxf(top[s], e);
            sum[s] = sum[s] * expf(top[s] - most) + expf(e - most);
            top[s] = most;
        }
    }
    float* const to = (query ? p.statsQ : p.statsK) + (unit * count + row) * 2;
    for (int s = 0; s < 2; ++s) {
        for (int far = 16; far > 0; far /= 2) {
            const float most = fmaxf(top[s], __shfl_xor_sync(0xFFFFFFFFU, top[s], far));
            const float other = __shfl_xor_sync(0xFFFFFFFFU, sum[s] * expf(top[s] - most), far);
            sum[s] = sum[s] * expf(top[s] - most) + other;
            top[s] = most;
        }
        if (threadIdx.x % 32 == 0)
            to[s] = sums ? top[s] + logf(sum[s]) : top[s];
    }
}

/// Shared memory of both kernels, in floats.
__host__ __device__ constexpr int sharedFloats(int dim, int tiles)
{
    return kSide * (dim + 1) + kSide * (kSlice + 1) + tiles * kSide * kPitch + 8 * kSide;
}

/// The sums of one part for 64 features and 64 columns.
template <class T>
__global__ __launch_bounds__(kThreads) void keyKernel(const Problem p)
{
    extern __shared__ float shared[];
    float* const x = shared;
    float* const slice = x + kSide * (p.dim + 1);
    float* const phi = slice + kSide * (kSlice + 1);
    float* const values = phi + kSide * kPitch;
    float* const halves = values + kSide * kPitch;
    float* const shift = halves + kSide;
    float* const down = shift + kSide;
    float* const logs = down + kSide;
    const int f0 = static_cast<int>(blockIdx.z) % static_cast<int>((p.map.features + kSide - 1) / kSide) * kSide;
    const int col0 = static_cast<int>(blockIdx.z) / static_cast<int>((p.map.features + kSide - 1) / kSide) * kSide;
    const auto unit = static_cast<Index>(blockIdx.y);
    const UnitKeys<T> keys(p, unit);
    const bool isLog = logarithmic(p.map.kind, false);
    const bool shifted = isLog || p.map.kind == MapKind::Trig;
    const int tx = threadIdx.x % kStride;
    const int ty = threadIdx.x / kStride;
    const Index last = min(p.keys, (static_cast<Index>(blockIdx.x) + 1) * p.rowsPerPart);
    float sums[4][4] = {};
    float weight = 0.0F; // of feature threadIdx.x
    if (threadIdx.x < kSide)
        shift[threadIdx.x] = shifted ? kNothing : 0.0F;
    for (Index j = static_cast<Index>(blockIdx.x) * p.rowsPerPart; j < last; j += kSide) {
        __syncthreads();
        loadRows(x, keys.k, keys.rows, j);
        loadTile(values, keys.v, j, last, col0, p.valueDim);
        __syncthreads();
        halfSquares(p.map, x, p.dim, halves);
        featureTile(keys.rows, j, x, halves, f0, slice, phi);
        const int there = static_cast<int>(min(Index{kSide}, last - j));
        if (threadIdx.x < kSide) {
            const int f = threadIdx.x;
            float top = shift[f];
            for (int r = 0; r < there && shifted; ++r)
                top = fmaxf(top, isLog ? phi[r * kPitch + f] : rowLog(keys.rows, halves[r]));
            down[f] = expf(shift[f] - top);
            shift[f] = top;
            logs[f] = f < there ? rowLog(keys.rows, halves[f]) : 0.0F;
            weight *= down[f];
        }
        __syncthreads();
        for (int at = threadIdx.x; at < kSide * kSide; at += kThreads) {
            const int r = at / kSide;
            const int f = at % kSide;
            float& e = phi[r * kPitch + f];
            const bool in = r < there && f0 + f < p.map.features;
            e = !in ? 0.0F : isLog ? expf(e - shift[f]) : shifted ? e * expf(logs[r] - shift[f]) : e;
        }
        __syncthreads();
        for (int i = 0; i < 4; ++i)
            for (int c = 0; c < 4; ++c)
                sums[i][c] *= down[ty + kStride * i];
        addProducts(sums, phi, 1, kPitch, values, 1, kPitch, kSide);
        for (int r = 0; r < kSide && threadIdx.x < kSide; ++r)
            weight += phi[r * kPitch + threadIdx.x];
    }
    __syncthreads();
    const Index first = (unit * p.parts + static_cast<Index>(blockIdx.x)) * p.map.features;
    for (int i = 0; i < 4; ++i)
        for (int c = 0; c < 4; ++c) {
            const int f = f0 + ty + kStride * i;
            const int col = col0 + tx + kStride * c;
            if (f < p.map.features && col < p.valueDim)
                p.values[(first + f) * (p.valueDim + 1) + col] = sums[i][c];
        }
    if (threadIdx.x < kSide && f0 + threadIdx.x < p.map.features && col0 == 0) {
        p.values[(first + f0 + threadIdx.x) * (p.valueDim + 1) + p.valueDim] = weight;
        p.own[first + f0 + threadIdx.x] = shift[threadIdx.x];
    }
}

/// Causal: each part's place becomes the sum of those before it. Else part 0 becomes the sum of all; over the weights for softmaxes.
__global__ void scanKernel(const Problem p)
{
    const auto width = static_cast<Index>(p.valueDim + 1);
    const Index at = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at >= p.map.features * width)
        return;
    const Index f = at / width;
    const auto unit = static_cast<Index>(blockIdx.y);
    const bool shifted = logarithmic(p.map.kind, false) || p.map.kind == MapKind::Trig;
    float shift = shifted ? kNothing : 0.0F;
    float sum = 0.0F;
    float weight = 0.0F;
    for (Index part = 0; part < p.parts; ++part) {
        const Index row = (unit * p.parts + part) * p.map.features + f;
        const float here = p.values[row * width + at % width];
        if (p.causal) {
            p.values[row * width + at % width] = sum;
            if (at % width == 0)
                p.prefix[row] = shift;
        }
        const float top = fmaxf(shift, p.own[row]);
        const float older = expf(shift - top);
        const float newer = expf(p.own[row] - top);
        sum = sum * older + here * newer;
        if (p.map.kind == MapKind::Softmaxes)
            weight = weight * older + p.values[row * width + p.valueDim] * newer;
        shift = top;
    }
    if (p.causal)
        return;
    // Part 0 is only read by its own thread above, but its weights by a whole row: they go to `prefix`'s place instead.
    const Index row = unit * p.map.features + f;
    float* const totals = p.values + p.units * p.parts * p.map.features * width;
    totals[row * width + at % width] = p.map.kind == MapKind::Softmaxes ? sum / weight : sum;
    if (at % width == 0)
        p.prefix[row] = shift;
}

template <class T>
__global__ __launch_bounds__(kThreads) void queryKernel(const Problem p)
{
    extern __shared__ float shared[];
    QueryTile<T> tile(p, shared);
    const auto head = static_cast<Index>(blockIdx.y);
    const Index unit = p.map.perHead ? head : kvUnit(p, head);
    const UnitKeys<T> keys(p, unit);
    const Index offset = p.causal ? p.keys - p.queries : 0;
    const Index place = (offset / kSide + static_cast<Index>(blockIdx.x)) * kSide; // of row 0 of the tile, among the keys if causal
    const Index first = place - offset;                                            // query of row 0, below 0 where the tile begins earlier
    const int col0 = static_cast<int>(blockIdx.z) * kSide;
    const Index chunk = p.causal ? place / kChunk : 0;
    const int blocks = p.causal ? static_cast<int>(place % kChunk / kSide) + 1 : 0;
    const bool isLog = logarithmic(p.map.kind, true);
    const bool shifted = isLog || p.map.kind == MapKind::Trig;
    const bool keysLog = logarithmic(p.map.kind, false);
    const RowsOf rows{p.map,     p.statsQ ? p.statsQ + head * p.queries * 2 : nullptr, offset,
                      p.queries, p.map.perHead ? static_cast<int>(head) : 0,           p.dim,
                      true};
    const T* const q = static_cast<const T*>(p.q) + head * p.queries * p.dim;
    const auto width = static_cast<Index>(p.valueDim + 1);
    const Index state = p.causal ? (unit * p.parts + chunk) * p.map.features : unit * p.map.features;
    const float* const values = p.values + (p.causal ? 0 : p.units * p.parts * p.map.features * width);
    if (threadIdx.x < kSide)
        tile.tops[threadIdx.x] = shifted ? kNothing : 0.0F;
    for (int f0 = 0; f0 < p.map.features; f0 += kSide) {
        __syncthreads();
        loadRows(tile.x, q, rows, first);
        __syncthreads();
        halfSquares(p.map, tile.x, p.dim, tile.halves);
        const int there = static_cast<int>(min(Index{kSide}, p.map.features - f0));
        if (threadIdx.x < there) {
            const int f = threadIdx.x;
            tile.prefix[f] = p.prefix[state + f0 + f];
            tile.own[f] = p.causal ? p.own[state + f0 + f] : tile.prefix[f];
            tile.weights[f] = values[(state + f0 + f) * width + p.valueDim];
        }
        featureTile(rows, first, tile.x, tile.halves, f0, tile.slice, tile.before);
        if (p.map.isFiltered) {
            filterTile<T>(p, head, first, f0, q, keys.k, tile.before);
            __syncthreads();
        }
        tile.scaleRows(isLog, shifted, there);
        for (int at = threadIdx.x; at < kSide * kSide; at += kThreads) {
            const int f = at / kSide;
            const int c = at % kSide;
            tile.values[f * kPitch + c] = f < there && col0 + c < p.valueDim ? values[(state + f0 + f) * width + col0 + c] : 0.0F;
        }
        __syncthreads();
        addProducts(tile.o, tile.before, kPitch, 1, tile.values, 1, kPitch, kSide);
        for (int f = 0; f < there && threadIdx.x < kSide; ++f)
            tile.sum += tile.before[threadIdx.x * kPitch + f] * tile.weights[f];
#pragma unroll
        for (int b = 0; b < kBlocks; ++b)
            if (b < blocks)
                tile.addBlock(keys, chunk * kChunk + b * kSide, f0, keysLog, shifted, tile.a[b]);
    }
#pragma unroll
    for (int b = 0; b < kBlocks; ++b)
        if (b < blocks)
            tile.addValues(keys, chunk * kChunk + b * kSide, place, col0, tile.a[b]);
    __syncthreads();
    if (p.map.official && p.map.kind == MapKind::Trig) { // whose rows' own factors matter to the guard alone
        loadRows(tile.x, q, rows, first);
        __syncthreads();
        halfSquares(p.map, tile.x, p.dim, tile.halves);
        __syncthreads();
    }
    if (threadIdx.x < kSide) {
        float divisor = p.map.clamps ? fmaxf(tile.sum, kLeastSum) : tile.sum;
        if (p.map.official) {
            const float own = p.map.kind == MapKind::Trig ? tile.halves[threadIdx.x] : 0.0F;
            divisor = guarded(divisor, tile.tops[threadIdx.x] + own + p.map.logFactors[head]);
        }
        tile.scale[threadIdx.x] = p.map.kind == MapKind::Softmaxes ? 1.0F : 1.0F / divisor;
    }
    __syncthreads();
    T* const o = static_cast<T*>(p.o) + head * p.queries * p.valueDim;
    for (int i = 0; i < 4; ++i)
        for (int c = 0; c < 4; ++c) {
            const int r = tile.ty + kStride * i;
            const int col = col0 + tile.tx + kStride * c;
            if (first + r >= 0 && first + r < p.queries && col < p.valueDim)
                assign(o[(first + r) * p.valueDim + col], tile.o[i][c] * tile.scale[r]);
        }
}

struct Plan {
    Index units, parts, rows, tiles;
    bool statsQ, statsK;
    std::size_t state, shifts, stats[2];
    std::size_t floats() const { return state + 2 * shifts + stats[0] + stats[1]; }
};

Plan planOf(const KernelProblem& p)
{
    const Shape& s = p.shape;
    Plan plan{};
    plan.units = s.batch * (p.map.perHead ? s.heads : p.kvHeads);
    plan.tiles = (p.map.features + kSide - 1) / kSide * ((s.valueDim + kSide - 1) / kSide);
    if (p.causal) {
        plan.rows = kChunk;
        plan.parts = (s.keys + kChunk - 1) / kChunk;
    } else
        plan.parts = splitKeys(s.keys, plan.units * plan.tiles, 1024, kSide, &plan.rows);
    plan.statsQ = p.map.kind == MapKind::Softmaxes || (p.map.official && p.map.kind != MapKind::Trig) ||
                  (p.map.kind == MapKind::Hedgehog && p.map.hedgehog < 2);
    plan.statsK = p.map.kind == MapKind::Hedgehog && p.map.hedgehog < 2;
    const auto rows = static_cast<std::size_t>(plan.units * (plan.parts + 1) * p.map.features);
    plan.state = rows * static_cast<std::size_t>(s.valueDim + 1);
    plan.shifts = rows;
    plan.stats[0] = plan.statsQ ? static_cast<std::size_t>(2 * s.batch * s.heads * s.queries) : 0;
    plan.stats[1] = plan.statsK ? static_cast<std::size_t>(2 * plan.units * s.keys) : 0;
    return plan;
}

unsigned blocksOf(Index items, Index size) { return static_cast<unsigned>((items + size - 1) / size); }

template <class T>
cudaError_t allow(void (*kernel)(Problem), int floats)
{
    return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, floats * static_cast<int>(sizeof(float)));
}

template <class T>
cudaError_t launchAll(const Problem& p, const Plan& plan, const Shape& s, cudaStream_t stream)
{
    const bool sums = p.map.kind == MapKind::Softmaxes || (p.map.kind == MapKind::Hedgehog && p.map.hedgehog == 0);
    constexpr Index kWarps = kThreads / 32;
    if (plan.statsQ)
        statsKernel<T><<<dim3(blocksOf(s.queries, kWarps), static_cast<unsigned>(s.batch * s.heads)), kThreads, 0, stream>>>(p, true, sums);
    if (plan.statsK)
        statsKernel<T><<<dim3(blocksOf(s.keys, kWarps), static_cast<unsigned>(p.units)), kThreads, 0, stream>>>(p, false, sums);
    const int keyFloats = sharedFloats(p.dim, 2);
    const int queryFloats = sharedFloats(p.dim, 4);
    if (const auto status = allow<T>(keyKernel<T>, keyFloats); status != cudaSuccess)
        return status;
    if (const auto status = allow<T>(queryKernel<T>, queryFloats); status != cudaSuccess)
        return status;
    keyKernel<T><<<dim3(static_cast<unsigned>(p.parts), static_cast<unsigned>(p.units), static_cast<unsigned>(plan.tiles)), kThreads,
                   keyFloats * sizeof(float), stream>>>(p);
    scanKernel<<<dim3(blocksOf(p.map.features * (p.valueDim + 1), kThreads), static_cast<unsigned>(p.units)), kThreads, 0, stream>>>(p);
    const Index offset = p.causal ? s.keys - s.queries : 0;
    const Index tiles = (offset % kSide + s.queries + kSide - 1) / kSide;
    queryKernel<T><<<dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(s.batch * s.heads), blocksOf(s.valueDim, kSide)), kThreads,
                     queryFloats * sizeof(float), stream>>>(p);
    return cudaGetLastError();
}

template <class T>
cudaError_t launch(const KernelProblem& given, void* workspace, cudaStream_t stream)
{
    const Shape& s = given.shape;
    const Plan plan = planOf(given);
    auto* const memory = static_cast<float*>(workspace);
    Problem p{given.q,
              given.k,
              given.v,
              given.o,
              s.queries,
              s.keys,
              s.heads,
              given.kvHeads,
              plan.units,
              plan.rows,
              plan.parts,
              static_cast<int>(s.dim),
              static_cast<int>(s.valueDim),
              given.causal,
              given.map,
              memory,
              memory + plan.state,
              memory + plan.state + plan.shifts,
              nullptr,
              nullptr};
    float* const after = memory + plan.state + 2 * plan.shifts;
    p.statsQ = plan.statsQ ? after : nullptr;
    p.statsK = plan.statsK ? after + plan.stats[0] : nullptr;
    return launchAll<T>(p, plan, s, stream);
}

} // namespace

} // namespace general

std::size_t generalBytes(const KernelProblem& p) { return general::planOf(p).floats() * sizeof(float); }

cudaError_t launchGeneral(const KernelProblem& p, void* workspace, cudaStream_t stream)
{
    if (std::max(p.shape.dim, p.shape.valueDim) > kKernelMaxDim)
        return cudaErrorInvalidValue;
    if (p.dtype == Dtype::F16)
        return general::launch<__half>(p, workspace, stream);
    return p.dtype == Dtype::BF16 ? general::launch<__nv_bfloat16>(p, workspace, stream) : general::launch<float>(p, workspace, stream);
}

} // namespace attnscope::kernels
