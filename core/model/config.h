// SPDX-License-Identifier: GPL-3.0-or-later
// What a Hugging Face config.json says of a transformer: GPT-2, the Llama-like families and BERT in one description.
#pragma once

#include "core/base/result.h"
#include "core/base/shape.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

enum class ModelFamily { Gpt2, Llama, Bert };
enum class Activation { Silu, Gelu, GeluTanh, QuickGelu, Relu, Tanh };
enum class RopeType { Default, Linear, Dynamic, Llama3, Yarn };

/// Rotary embedding: which frequencies, and how they are stretched beyond the trained length.
struct RopeConfig {
    RopeType type = RopeType::Default;
    double theta = 10000.0;
    Index dims = 0; ///< leading dimensions of a head that are rotated (partial_rotary_factor)
    double factor = 1.0;
    double lowFrequencyFactor = 1.0;  ///< Llama3
    double highFrequencyFactor = 4.0; ///< Llama3
    double originalLength = 0.0;      ///< Llama3, Yarn: positions of the original training
    double trainedLength = 0.0;       ///< Dynamic: max_position_embeddings
    double attentionFactor = 1.0;     ///< Yarn: multiplies cos and sin
    double betaFast = 32.0;           ///< Yarn
    double betaSlow = 1.0;            ///< Yarn
    bool truncate = true;             ///< Yarn: whole correction bounds
};

/// Sizes and switches of the forward pass; checked, so that nothing is negative, absurd or contradictory.
struct ModelConfig {
    std::string modelType; ///< as config.json writes it: "qwen2"
    std::string title;     ///< for people: "Qwen2"
    ModelFamily family = ModelFamily::Llama;
    Index vocabulary = 0;
    Index hidden = 0;
    Index layers = 0;
    Index heads = 0;
    Index kvHeads = 0;
    Index headDim = 0;
    Index intermediate = 0;
    Index maxPositions = 0;
    Index tokenTypes = 0; ///< BERT
    float normEpsilon = 1e-5F;
    Activation activation = Activation::Silu;
    bool causal = true;
    bool queryBias = false;  ///< of the q, k and v projections
    bool outputBias = false; ///< of the projection behind the attention
    bool mlpBias = false;
    bool headNorm = false; ///< RMS norm of each head's q and k (Qwen3)
    bool tiedEmbeddings = true;
    bool learnedPositions = false; ///< false: rotary
    RopeConfig rope;
    std::vector<float> scales;  ///< of the logits, by layer
    std::vector<Index> windows; ///< keys a query sees, itself included, by layer; 0 where it sees all
};

/// From folder/config.json. Errors: Io (missing, unreadable), Parse (no JSON object, wrong types), Unsupported (an unknown
/// model_type, activation, rotary scaling or quantisation, each named), InvalidParam (sizes out of range or contradictory).
Result<ModelConfig> readModelConfig(const std::filesystem::path& folder);

/// The same from the file's text; `origin` names it in messages.
Result<ModelConfig> parseModelConfig(std::string_view json, const std::string& origin);

} // namespace attnscope
