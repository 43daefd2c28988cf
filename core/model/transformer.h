// SPDX-License-Identifier: GPL-3.0-or-later
// A transformer from a Hugging Face folder: the float32 forward pass, with q, k and v of any layer captured on the way.
#pragma once

#include "core/inputs/document.h"
#include "core/model/config.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace attnscope {

struct ModelWeights;

/// The residual stream in front of a layer: where a run ended, and where another one may go on.
struct LayerStream {
    Index layer = 0;
    Tensor stream; ///< [1, 1, N, hidden]
};

struct ForwardOptions {
    std::optional<std::vector<Index>> captureLayers{}; ///< whose q, k, v are kept; all where not given
    bool hiddenStates = false;
    bool logits = false;
    std::optional<Index> captureHead{};          ///< of captured layers only this query head, with its keys and values
    std::shared_ptr<const LayerStream> resume{}; ///< of the same text: layers before it are not run, nor captured
    bool keepStream = false;                     ///< in front of the last layer looked at
};

struct ForwardResult {
    std::vector<std::shared_ptr<const LayerInputs>> layers; ///< one per layer of the model; null where not captured
    std::vector<Tensor> hidden;                ///< embeddings, then the residual stream behind each layer: layers + 1 of [1, 1, N, hidden]
    Tensor last;                               ///< with hiddenStates: behind the final norm, [1, 1, N, hidden]
    Tensor logits;                             ///< [1, 1, N, vocabulary]
    std::shared_ptr<const LayerStream> stream; ///< with keepStream
};

/// Cheap to copy; const members may be called from any thread.
class Transformer {
public:
    /// Maps the weights and checks every tensor's shape. Errors: Io, Parse, Unsupported, InvalidParam, InvalidShape, as in
    /// config.h and layer_weights.h.
    static Result<Transformer> load(const std::filesystem::path& folder);

    const ModelConfig& config() const { return *m_config; }

    /// What forward() will allocate at its peak.
    double forwardBytes(Index length, const ForwardOptions& options) const;

    /// What forward() will compute.
    double forwardFlops(Index length, const ForwardOptions& options) const;

    /// One text of token ids. Stops behind the last captured layer where neither hidden states nor logits are asked for. The layers
    /// that lie between hold keys and values of one layer at a time; queries go through it in blocks.
    /// Errors: InvalidParam (no tokens, ids outside the vocabulary, layers or heads that don't exist, or lie before where the run
    /// goes on), Unsupported (longer than learned
    /// positions reach, no logits in this folder), OutOfMemory (forwardBytes exceeds the budget), Io (weights cut short meanwhile),
    /// Cancelled.
    Result<ForwardResult> forward(std::span<const std::int32_t> ids, const ForwardOptions& options, const RunContext& context) const;

    /// A sentence where a text of this length is longer than the model was trained for, or where layers look through a window
    /// shorter than it; empty otherwise.
    std::string notice(Index length) const;

private:
    Transformer(std::shared_ptr<const ModelConfig> config, std::shared_ptr<const ModelWeights> weights)
        : m_config(std::move(config)), m_weights(std::move(weights))
    {
    }

    std::shared_ptr<const ModelConfig> m_config;
    std::shared_ptr<const ModelWeights> m_weights;
};

} // namespace attnscope
