// SPDX-License-Identifier: GPL-3.0-or-later
// The products of kernel attention on plain features, fused: keys into their sums, and queries through sums and a chunk of keys.
#pragma once

#include "core/base/tensor.h"
#include "core/compute/scratch.h"

namespace attnscope {

/// Tokens of a chunk at most: within it each query meets each key, and its keys are added to the sums at once.
inline constexpr Index kPlainChunk = 64;

/// float32 sums over keys in one piece of memory: values [m, stride], of which Dv columns count and the others are 0, then weights [m].
struct PlainSums {
    float* data = nullptr;
    Index features = 0;
    Index stride = 0; ///< Dv rounded up to whole vectors

    MatrixView<float> values() const { return {data, features, stride, stride}; }
    float* weights() const { return data + features * stride; }
    Index size() const { return features * (stride + 1); }
};

/// The stride of PlainSums with these columns, on this processor.
Index plainStride(Index valueDim);

/// Some keys, up to kPlainChunk where queries of the same chunk read them: v [rows, Dv] and phi(k)ᵀ.
class PlainChunk {
public:
    /// Packs the features where they will be asked for their transposes, and v where its rows fill no vectors.
    void assign(MatrixView<const float> phi, MatrixView<const float> v, bool withTransposes);

    MatrixView<const float> phi() const { return m_phi; }
    MatrixView<const float> v() const { return m_v; }        ///< its columns rounded up to whole vectors
    const float* transposes() const { return m_transposes; } ///< [m, kPlainChunk], or null

private:
    Scratch m_values;
    Scratch m_panel;
    MatrixView<const float> m_phi;
    MatrixView<const float> m_v;
    const float* m_transposes = nullptr;
};

/// sums += the chunk's keys. nextValues, which may be empty, are fetched into the cache meanwhile.
void addPlainKeys(const PlainChunk& chunk, const PlainSums& sums, MatrixView<const float> nextValues);

/// out_i = (phi_i S + sum_{j <= i} P_ij v_j) / (phi_i w + sum_{j <= i} P_ij) with P_ij = phi_i . phi(k_j) of the chunk, where there is
/// one; phi [rows, m], out [rows, Dv].
void answerPlainQueries(MatrixView<const float> phi, const PlainSums& sums, const PlainChunk* chunk, MatrixView<float> out);

/// sum = a + b.
void addPlainSums(const PlainSums& a, const PlainSums& b, const PlainSums& sum);

} // namespace attnscope
