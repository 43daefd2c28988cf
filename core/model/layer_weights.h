// SPDX-License-Identifier: GPL-3.0-or-later
// The tensors of a model folder bound to the places where the forward pass uses them.
#pragma once

#include "core/model/config.h"
#include "core/model/linear.h"
#include "core/model/norm.h"

#include <memory>
#include <optional>
#include <vector>

namespace attnscope {

struct LayerWeights {
    Norm attentionNorm; ///< before the attention (GPT-2, Llama) or behind its residual sum (BERT)
    Linear q, k, v, o;
    std::optional<Norm> qNorm, kNorm; ///< of each head (Qwen3)
    Norm mlpNorm;
    Linear gate; ///< empty where the feed-forward layer is not gated
    Linear up;
    Linear down;
};

/// Borrows from `files`, which it keeps mapped.
struct ModelWeights {
    std::shared_ptr<const WeightFiles> files;
    WeightMatrix tokens;     ///< [vocabulary, hidden]
    WeightMatrix positions;  ///< [maxPositions, hidden]; empty for rotary models
    WeightMatrix tokenTypes; ///< [tokenTypes, hidden]; BERT
    std::optional<Norm> embeddingNorm;
    std::vector<LayerWeights> layers;
    std::optional<Norm> finalNorm;
    std::optional<WeightMatrix> logits; ///< [vocabulary, hidden]; missing where the folder holds no language-model head
};

/// Errors: Io, Parse (missing tensors, broken files), InvalidShape (a tensor that config.json doesn't agree with), each named.
Result<ModelWeights> bindWeights(const ModelConfig& config, const std::filesystem::path& folder);

} // namespace attnscope
