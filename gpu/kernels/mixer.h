// SPDX-License-Identifier: GPL-3.0-or-later
// Launches recurrent token mixers on the current device: S_t = e^g_t S_{t-1} + b_t v_tᵀ, or a delta rule, and o_t = scale q_tᵀ S_t.
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
    Index keyHeads = 0;       ///< of k, where these are others than v's; 0: kvHeads
    Dtype dtype = Dtype::F32; ///< of q, k, v, o; the state and the gates are float32
    float scale = 1.0F;
    Gate logDecay;         ///< at most 0
    Gate rate;             ///< what logDecay is multiplied by
    Gate strength;         ///< of writing
    bool delta = false;    ///< what the decayed state holds at k is taken out before a value is written
    bool unitKeys = false; ///< keys over their lengths
    bool unitQueries = false;

    Gate bonus;               ///< u [.., 1 or K]: o_t gets scale (Σ q u k) v_t more
    Gate skip;                ///< o_t gets skip_t v_t more
    Gate correction;          ///< a of RWKV-7: -(a ⊙ κ) (κᵀ S_{t-1}) is added to the state, κ of length 1
    Gate removal;             ///< κ [.., K]; absent: k
    bool gatesAsKeys = false; ///< 1 - e^g_t in place of k_t (HGRN2)
    bool keysAsGates = false; ///< g_t = log sigmoid(k_t)
    bool readsBefore = false; ///< o_t reads S_{t-1} (RWKV-6)
    bool skipsOwn = false;    ///< o_t reads e^g_t S_{t-1} (Mamba-3)
};

/// Nothing from `bonus` on is used, and k has v's heads.
inline bool isPlain(const MixerProblem& p)
{
    return (p.keyHeads == 0 || p.keyHeads == p.kvHeads) && !p.bonus.data && !p.skip.data && !p.correction.data && !p.gatesAsKeys &&
           !p.keysAsGates && !p.readsBefore && !p.skipsOwn;
}

inline constexpr Index kMixerMaxDim = 256;

std::size_t mixerBytes(const MixerProblem& problem);

/// Asynchronous; `workspace` [mixerBytes]. cudaErrorInvalidValue where rows are wider than kMixerMaxDim.
cudaError_t launchMixer(const MixerProblem& problem, void* workspace, cudaStream_t stream);

/// The kernels between which launchMixer chooses: 16-bit chunks with one decay a token, without and with the delta rule; chunks of
/// everything but RWKV-7; and one token after the other.
bool fitsChunks(const MixerProblem& problem);
std::size_t chunkBytes(const MixerProblem& problem);
cudaError_t launchChunks(const MixerProblem& problem, void* workspace, cudaStream_t stream);
bool fitsDeltaChunks(const MixerProblem& problem);
std::size_t deltaChunkBytes(const MixerProblem& problem);
cudaError_t launchDeltaChunks(const MixerProblem& problem, void* workspace, cudaStream_t stream);
bool fitsGeneralChunks(const MixerProblem& problem);
std::size_t generalChunkBytes(const MixerProblem& problem);
cudaError_t launchGeneralChunks(const MixerProblem& problem, void* workspace, cudaStream_t stream);
cudaError_t launchTokens(const MixerProblem& problem, cudaStream_t stream);

} // namespace attnscope::kernels
