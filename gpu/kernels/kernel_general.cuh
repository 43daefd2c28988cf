// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel for every feature map knows of its problem, and its tile of queries.
#pragma once

#include "gpu/kernels/kernel_features.cuh"

namespace attnscope::kernels::general {

constexpr int kChunk = 256; // keys between two stored states where causal
constexpr int kBlocks = kChunk / kSide;

struct Problem {
    const void* q;
    const void* k;
    const void* v;
    void* o;
    Index queries, keys, heads, kvHeads, units, rowsPerPart, parts;
    int dim, valueDim;
    bool causal;
    CardMap map;
    float* values; ///< [units, parts, F, Dv + 1]: the weights are the last column
    float* own;    ///< [units, parts, F]: shifts of the parts
    float* prefix; ///< [units, parts, F]: shifts of what `values` holds after the scan
    float* statsQ; ///< [B H, N, 2]
    float* statsK; ///< [units, M, 2]
};

__device__ inline Index kvUnit(const Problem& p, Index head) { return head / p.heads * p.kvHeads + head % p.heads * p.kvHeads / p.heads; }

/// The rows of keys of a unit, which is a query head where the map differs by head.
template <class T>
struct UnitKeys {
    const T* k;
    const T* v;
    RowsOf rows;
    __device__ UnitKeys(const Problem& p, Index unit)
        : k(static_cast<const T*>(p.k) + (p.map.perHead ? kvUnit(p, unit) : unit) * p.keys * p.dim),
          v(static_cast<const T*>(p.v) + (p.map.perHead ? kvUnit(p, unit) : unit) * p.keys * p.valueDim),
          rows{p.map, p.statsK ? p.statsK + unit * p.keys * 2 : nullptr, 0, p.keys, p.map.perHead ? static_cast<int>(unit) : 0, p.dim,
               false}
    {
    }
};

/// 64 queries of one head and 64 columns of their output.
template <class T>
struct QueryTile {
    const Problem& p;
    float *x, *slice, *before, *inside, *phi, *values, *halves, *tops, *scale, *weights, *own, *prefix;
    float o[4][4] = {};
    float a[kBlocks][4][4] = {};
    float sum = 0.0F; // of row threadIdx.x
    int tx = threadIdx.x % kStride, ty = threadIdx.x / kStride;

    __device__ QueryTile(const Problem& problem, float* shared) : p(problem)
    {
        x = shared;
        slice = x + kSide * (p.dim + 1);
        before = slice + kSide * (kSlice + 1);
        inside = before + kSide * kPitch;
        phi = inside + kSide * kPitch;
        values = phi + kSide * kPitch;
        halves = values + kSide * kPitch;
        tops = halves + kSide;
        scale = tops + kSide;
        weights = scale + kSide;
        own = weights + kSide;
        prefix = own + kSide;
    }

    /// The features in `before` [64, 64], relative to the rows' tops, once for the state before and once for the keys of the chunk.
    __device__ void scaleRows(bool isLog, bool shifted, int there)
    {
        if (threadIdx.x < kSide) {
            const int r = threadIdx.x;
            float top = tops[r];
            for (int f = 0; f < there && shifted; ++f)
                top = fmaxf(top, fmaxf(prefix[f], own[f]) + (isLog ? before[r * kPitch + f] : 0.0F));
            scale[r] = expf(tops[r] - top);
            tops[r] = top;
            sum *= scale[r];
        }
        __syncthreads();
        for (int at = threadIdx.x; at < kSide * kSide; at += kThreads) {
            const int r = at / kSide;
            const int f = at % kSide;
            const float e = before[r * kPitch + f];
            const float far = !shifted ? 1.0F : expf(prefix[f] - tops[r] + (isLog ? e : 0.0F));
            const float near = !shifted ? 1.0F : expf(own[f] - tops[r] + (isLog ? e : 0.0F));
            before[r * kPitch + f] = f < there ? far * (isLog ? 1.0F : e) : 0.0F;
            inside[r * kPitch + f] = f < there ? near * (isLog ? 1.0F : e) : 0.0F;
        }
        for (int i = 0; i < 4; ++i)
            for (int c = 0; c < 4; ++c) {
                o[i][c] *= scale[ty + kStride * i];
#pragma unroll
                for (int b = 0; b < kBlocks; ++b)
                    a[b][i][c] *= scale[ty + kStride * i];
            }
    }

    /// The products of these features with those of one block of the chunk's keys.
    __device__ void addBlock(const UnitKeys<T>& keys, Index j, int f0, bool isLog, bool shifted, float (&products)[4][4])
    {
        __syncthreads();
        loadRows(x, keys.k, keys.rows, j);
        __syncthreads();
        halfSquares(p.map, x, p.dim, halves);
        featureTile(keys.rows, j, x, halves, f0, slice, phi);
        for (int at = threadIdx.x; at < kSide * kSide; at += kThreads) {
            const int r = at / kSide;
            const int f = at % kSide;
            float& e = phi[r * kPitch + f];
            const bool in = j + r < p.keys && f0 + f < p.map.features;
            e = !in ? 0.0F : isLog ? expf(e - own[f]) : shifted ? e * expf(rowLog(keys.rows, halves[r]) - own[f]) : e;
        }
        __syncthreads();
        addProducts(products, inside, kPitch, 1, phi, kPitch, 1, kSide);
    }

    /// Adds the values of one block of keys, whose products with the queries at `place` and after are known.
    __device__ void addValues(const UnitKeys<T>& keys, Index j, Index place, int col0, const float (&products)[4][4])
    {
        __syncthreads();
        for (int i = 0; i < 4; ++i)
            for (int c = 0; c < 4; ++c) {
                const int r = ty + kStride * i;
                const int s = tx + kStride * c;
                phi[r * kPitch + s] = j + s <= place + r ? products[i][c] : 0.0F;
            }
        loadTile(values, keys.v, j, p.keys, col0, p.valueDim);
        __syncthreads();
        addProducts(o, phi, kPitch, 1, values, 1, kPitch, kSide);
        for (int s = 0; s < kSide && threadIdx.x < kSide; ++s)
            sum += phi[threadIdx.x * kPitch + s];
    }
};

/// A sum of which exp(logFactor) times is at most 1e-6 gets 2e-6 on top, as published.
__device__ inline float guarded(float sum, float logFactor)
{
    const double factor = exp(static_cast<double>(logFactor));
    return fabs(factor * sum) <= kOfficialEps ? static_cast<float>(sum + 2.0 * kOfficialEps / factor) : sum;
}

/// AGF: the softmaxed queries of a tile times the polynomial of their entries, in float64 as on the CPU.
template <class T>
__device__ void filterTile(const Problem& p, Index head, Index first, int f0, const T* q, const T* k, float* phi)
{
    const CardMap& map = p.map;
    const double* const theta = map.theta + head * (map.filterOrder + 1);
    for (int at = threadIdx.x; at < kSide * kSide; at += kThreads) {
        const Index row = first + at / kSide;
        const int f = f0 + at % kSide;
        if (row < 0 || row >= p.queries || f >= map.features)
            continue;
        const auto x = static_cast<double>(asFloat(q[row * p.dim + f]));
        double entry = 0.0;
        if (map.sigma == 1 || map.sigma == 2)
            entry = map.sigma == 1 ? x : fabs(x);
        else if (map.sigma == 3)
            entry = x * static_cast<double>(asFloat(k[(row + p.keys - p.queries) * p.dim + f]));
        else if (map.sigma == 4)
            entry = static_cast<double>(map.entries[(head * p.queries + row) * p.dim + f]);
        const double sigma = 1.0 / (1.0 + exp(-entry));
        double before = 0.0;
        double here = 1.0;
        double sum = theta[0];
        for (int l = 1; l <= map.filterOrder; ++l) {
            const double* const r = map.recurrence + 3 * l;
            const double next = (r[0] * sigma + r[1]) * here - r[2] * before;
            before = here;
            here = next;
            sum += theta[l] * here;
        }
        float& value = phi[at / kSide * kPitch + at % kSide];
        value = static_cast<float>(sum * static_cast<double>(value));
    }
}

} // namespace attnscope::kernels::general
