// SPDX-License-Identifier: GPL-3.0-or-later
// A whole architecture as a list of layers: what mixes tokens in each, what follows it, and which layers share weights.
#pragma once

#include "core/base/shape.h"

#include <optional>
#include <string>
#include <vector>

namespace attnscope {

enum class AttentionKind { None, Full, Sliding, Chunked };

/// Multi-head latent attention: the cache holds `latent + ropeDim` numbers a token for all heads together.
struct LatentShape {
    Index latent = 0;
    Index ropeDim = 0;
    Index nopeDim = 0;
    Index valueDim = 0;
    Index queryLatent = 0; ///< 0: queries are projected directly

    bool operator==(const LatentShape&) const = default;
};

struct AttentionShape {
    AttentionKind kind = AttentionKind::None;
    Index heads = 0;
    Index kvHeads = 0;
    Index headDim = 0;
    Index inputDim = 0; ///< width of what is projected to q, k and v; the model's own but in Zamba2's shared blocks
    Index window = 0;   ///< keys that a query sees at most; 0: all
    bool outputGate = false;
    std::optional<LatentShape> latent;

    bool operator==(const AttentionShape&) const = default;
};

/// State of heads x keyDim x valueDim numbers in fp32, and a short convolution's last taps in the model's number format.
struct RecurrentShape {
    std::string method;   ///< id of the attention method that shows this mixer, or "conv", "rwkv4", "linear"
    Index heads = 0;      ///< channels for mamba1 and rg-lru
    Index keyHeads = 0;   ///< heads of q and k where there are fewer
    Index keyDim = 0;     ///< Mamba's N
    Index valueDim = 0;   ///< Mamba's P
    Index groups = 1;     ///< that share B and C (Mamba-2, Mamba-3)
    Index rank = 1;       ///< Mamba-3 MIMO
    Index stepRank = 0;   ///< Mamba-1's low rank of the step size
    Index gateBlocks = 1; ///< block-diagonal gates of rg-lru
    Index convChannels = 0;
    Index convTaps = 0;      ///< width of the kernel; the state keeps one less
    Index extraFloats = 0;   ///< further state in fp32: Mamba-3's angles
    Index extraElements = 0; ///< further state in the model's number format: Mamba-3's last key and value, RWKV's shifted tokens

    bool operator==(const RecurrentShape&) const = default;
};

enum class FfnKind { None, Dense, Moe };

struct FfnShape {
    FfnKind kind = FfnKind::None;
    Index width = 0; ///< dense, or of one expert
    bool gated = true;
    Index experts = 0;
    Index active = 0;
    Index sharedWidth = 0; ///< of experts that every token visits, together

    bool operator==(const FfnShape&) const = default;
};

/// A layer with attention and a recurrent mixer runs both; one with neither is feed-forward only.
struct StackLayer {
    AttentionShape attention;
    std::optional<RecurrentShape> recurrent;
    FfnShape ffn;
    Index joinDim = 0;               ///< Zamba: width of the extra projection after the shared block
    std::optional<Index> sharedWith; ///< first layer that uses the same attention and feed-forward weights

    bool operator==(const StackLayer&) const = default;
};

struct Architecture {
    std::string name;
    std::string modelType;
    std::string decidedBy; ///< raw key of the config that said which layers attend
    Index hidden = 0;
    Index vocabulary = 0;
    bool tiedEmbeddings = false;
    Index positions = 0; ///< learned position vectors; 0: none
    Index context = 0;   ///< tokens the config states; 0: it states none
    std::string dtype;   ///< "bf16", "f16", "f32"
    Index elementBytes = 2;
    std::vector<StackLayer> layers;

    bool operator==(const Architecture&) const = default;
};

/// "full", "sliding(2048)", "mamba2", "full+mamba2", "none".
std::string mixerName(const StackLayer& layer);

/// "none", "dense(14336)", "moe(16, 2 active)".
std::string ffnName(const StackLayer& layer);

/// Layers with softmax attention of any reach, from 0.
std::vector<Index> attentionLayers(const Architecture& architecture);

/// "4 of 52 layers attend to everything; they hold 100 % of the KV cache."
std::string caption(const Architecture& architecture);

} // namespace attnscope
