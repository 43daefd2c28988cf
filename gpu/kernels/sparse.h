// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax attention of tiles of queries to lists of keys, on the tensor cores: windows, blocks of keys and groups alike.
#pragma once

#include "gpu/kernels/exact.h"

#include <cstdint>
#include <limits>

namespace attnscope::kernels {

/// Queries of one tile at most.
inline constexpr int kSparseQueries = 64;

/// What one block of threads works on: some queries of one head against the keys at [from, to) of a list.
struct SparseTile {
    int head = 0; ///< b H + h
    int row = 0;  ///< its first query, or where its queries stand in SparseProblem::rows
    int rows = 0;
    int answer = -1; ///< where its first query's partial result goes; -1: the results are the output
    Index list = 0;  ///< where its entries stand in SparseProblem::keys
    int from = 0;    ///< counted in keys, and a multiple of the span
    int to = 0;
    int first = 0; ///< without a list: place t holds key first + t
    // From place `jump` on everything stands `leap` further, in the list or among the keys.
    int jump = std::numeric_limits<int>::max();
    int leap = 0;
};

/// Which of the keys of its tile a query sees: those of KeySupport (core/compute/streaming_softmax.h), in the device's numbers.
struct SparseMask {
    int offset = 0;
    int before = 0;
    int after = 0;
    int globals = 0;
    int globalAfter = 0;
    int reach = 0;
    bool selfLast = false;  ///< a query's own key has the logit -5e4
    bool unordered = false; ///< lists don't ascend, and not all queries see all of their keys
};

/// Pointers are to the device.
struct SparseProblem {
    ExactProblem exact; ///< its causal and lse play no part
    const SparseTile* tiles = nullptr;
    Index tileCount = 0;
    const std::int32_t* rows = nullptr; ///< queries of tiles; null: they follow each other
    const std::int32_t* keys = nullptr; ///< blocks of `span` keys, by number; null: tiles without lists
    int span = 1;
    SparseMask mask;
    float* answers = nullptr; ///< [answers, Dv] partial outputs
    float* masses = nullptr;  ///< [answers] natural log of their sums of exponentials; minus infinity: it saw nothing
};

/// Queries whose output is put together from several answers.
struct SparseMerge {
    const float* answers = nullptr;
    const float* masses = nullptr;
    const Index* queries = nullptr; ///< [count] head * N + query; null: all of them
    const Index* starts = nullptr;  ///< [count + 1] into `list`; null: each has `each`
    const Index* list = nullptr;    ///< answers of each query
    Index each = 0;
    Index count = 0;
    int valueDim = 0;
    bool mean = false; ///< all answers that saw something count alike, else by their masses
    void* o = nullptr;
    bool isWide = false; ///< o is float32
    bool isHalf = true;  ///< else bfloat16
};

/// Tiles [first, last); asynchronous; compute capability 8.0 and newer, rows of up to kExactMaxDim columns.
cudaError_t launchSparse(const SparseProblem& problem, Index first, Index last, cudaStream_t stream);

/// After the tiles that answer.
cudaError_t launchSparseMerge(const SparseMerge& merge, cudaStream_t stream);

} // namespace attnscope::kernels
