// SPDX-License-Identifier: GPL-3.0-or-later
// Launches recurrent token mixers on the current device: S_t = e^g_t S_{t-1} + b_t v_tᵀ, or the delta rule, and o_t = scale q_tᵀ S_t.
#pragma once

#include "core/base/dtype.h"
#include "core/base/shape.h"

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Numbers [B or 1, heads, M or 1, channels or 1] on the device; strides are 0 where a size of 1 stands for all.
struct Gate {
    const float* data = nullptr; ///< null: 1 as a factor, 0 as a logarithm
    Index batch = 0;
    Index head = 0;
    Index row = 0;
    Index channel = 0;
    Index group = 1; ///< query heads that share a head of this array
};

struct MixerProblem {
    const void* q = nullptr; ///< [B, H, N, K], contiguous, on the device; likewise k [B, Hkv, M, K], v [B, Hkv, M, Dv]
    const void* k = nullptr;
    const void* v = nullptr;
    void* o = nullptr; ///< [B, H, N, Dv]; query 0 stands at token M - N
    Shape shape;
    Index kvHeads = 1;
    Dtype dtype = Dtype::F32; ///< of q, k, v, o; the state and the gates are float32
    float scale = 1.0F;
    Gate logDecay;         ///< at most 0
    Gate rate;             ///< what logDecay is multiplied by
    Gate strength;         ///< of writing
    bool delta = false;    ///< what the decayed state holds at k is taken out before a value is written
    bool unitKeys = false; ///< keys over their lengths
    bool unitQueries = false;
};

inline constexpr Index kMixerMaxDim = 256;

std::size_t mixerBytes(const MixerProblem& problem);

/// Asynchronous; `workspace` [mixerBytes]. cudaErrorInvalidValue where rows are wider than kMixerMaxDim.
cudaError_t launchMixer(const MixerProblem& problem, void* workspace, cudaStream_t stream);

/// The kernels between which launchMixer chooses: chunks on tensor cores, without and with the delta rule, and one
/// token after the other.
bool fitsChunks(const MixerProblem& problem);
std::size_t chunkBytes(const MixerProblem& problem);
cudaError_t launchChunks(const MixerProblem& problem, void* workspace, cudaStream_t stream);
bool fitsDeltaChunks(const MixerProblem& problem);
std::size_t deltaChunkBytes(const MixerProblem& problem);
cudaError_t launchDeltaChunks(const MixerProblem& problem, void* workspace, cudaStream_t stream);
cudaError_t launchTokens(const MixerProblem& problem, cudaStream_t stream);

} // namespace attnscope::kernels
