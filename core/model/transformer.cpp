// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/transformer.h"

#include "core/model/forward_memory.h"
#include "core/model/forward_pass.h"

#include <algorithm>

namespace attnscope {

namespace {

std::string gigabytes(double bytes)
{
    const auto tenths = static_cast<long long>(bytes / 1e8 + 0.999);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

Result<void> checkIds(const ModelConfig& config, std::span<const std::int32_t> ids)
{
    if (ids.empty())
        return Error{Errc::InvalidParam, "The text has no tokens.", "Enter at least one character."};
    for (const auto id : ids)
        if (id < 0 || id >= config.vocabulary)
            return Error{Errc::InvalidParam,
                         "The tokenizer gives the token " + std::to_string(id) + ", but the model's vocabulary has " +
                             std::to_string(config.vocabulary) + " entries.",
                         "Take tokenizer.json, config.json and the weights from the same model."};
    const auto length = static_cast<Index>(ids.size());
    if (config.learnedPositions && length > config.maxPositions)
        return Error{Errc::Unsupported,
                     "The text has " + std::to_string(length) + " tokens, but this model has positions for " +
                         std::to_string(config.maxPositions) + ".",
                     "Shorten the text, or choose a model with rotary positions (Llama, Mistral, Qwen)."};
    return {};
}

Result<void> checkResume(const ModelConfig& config, const ForwardOptions& options, Index length)
{
    if (!options.resume)
        return {};
    const auto& from = *options.resume;
    const bool sameText =
        from.stream.rows() == length && from.stream.cols() == config.hidden && from.layer >= 0 && from.layer < config.layers;
    if (!sameText)
        return Error{Errc::InvalidParam, "The run can't go on from a state that another text or model left.", "Run it from the start."};
    const auto earlier = [&](Index layer) { return layer < from.layer; };
    if (options.hiddenStates || !options.captureLayers || std::ranges::any_of(*options.captureLayers, earlier))
        return Error{Errc::InvalidParam, "What lies before layer " + std::to_string(from.layer) + " is not run again.",
                     "Run the model from the start."};
    return {};
}

Result<void> checkOptions(const ModelConfig& config, const ModelWeights& weights, const ForwardOptions& options)
{
    if (options.captureHead && (*options.captureHead < 0 || *options.captureHead >= config.heads))
        return Error{Errc::InvalidParam, "There is no head " + std::to_string(*options.captureHead) + " in this model.",
                     "Choose a head from 0 to " + std::to_string(config.heads - 1) + "."};
    if (options.captureLayers)
        for (const Index layer : *options.captureLayers)
            if (layer < 0 || layer >= config.layers)
                return Error{Errc::InvalidParam, "There is no layer " + std::to_string(layer) + " in this model.",
                             "Choose a layer from 0 to " + std::to_string(config.layers - 1) + "."};
    if (options.logits && !weights.logits)
        return Error{Errc::Unsupported, "This model folder holds no language-model head, so there are no logits.",
                     "Choose a folder that was saved with the head."};
    return {};
}

} // namespace

Result<Transformer> Transformer::load(const std::filesystem::path& folder)
{
    auto config = readModelConfig(folder);
    if (!config)
        return config.error();
    auto weights = bindWeights(*config, folder);
    if (!weights)
        return weights.error();
    return Transformer(std::make_shared<const ModelConfig>(std::move(*config)), std::make_shared<const ModelWeights>(std::move(*weights)));
}

double Transformer::forwardBytes(Index length, const ForwardOptions& options) const { return forwardPassBytes(*m_config, length, options); }

double Transformer::forwardFlops(Index length, const ForwardOptions& options) const { return forwardPassFlops(*m_config, length, options); }

Result<ForwardResult> Transformer::forward(std::span<const std::int32_t> ids, const ForwardOptions& options,
                                           const RunContext& context) const
{
    if (const auto checked = checkIds(*m_config, ids); !checked)
        return checked.error();
    if (const auto checked = checkOptions(*m_config, *m_weights, options); !checked)
        return checked.error();
    if (const auto checked = checkResume(*m_config, options, static_cast<Index>(ids.size())); !checked)
        return checked.error();
    const double bytes = forwardBytes(static_cast<Index>(ids.size()), options);
    if (bytes > static_cast<double>(context.memoryBudget))
        return Error{Errc::OutOfMemory,
                     "Running the model on " + std::to_string(ids.size()) + " tokens needs " + gigabytes(bytes) + ", but the budget is " +
                         gigabytes(static_cast<double>(context.memoryBudget)) + ".",
                     "Shorten the text, capture fewer layers, or raise the memory budget."};
    return ForwardPass(*m_config, *m_weights, ids, options, context).run();
}

std::string Transformer::notice(Index length) const
{
    std::string text;
    if (!m_config->learnedPositions && length > m_config->maxPositions)
        text =
            "longer than the " + std::to_string(m_config->maxPositions) +
            " tokens that the model was made for: its rotary positions are continued beyond them, and what it does there is extrapolated";
    const auto limited = [&](Index window) { return window > 0 && window < length; };
    if (std::ranges::any_of(m_config->windows, limited)) {
        const Index window = *std::ranges::find_if(m_config->windows, limited);
        text += (text.empty() ? "" : "; ") + std::to_string(std::ranges::count_if(m_config->windows, limited)) + " layers look back over " +
                std::to_string(window) + " tokens only";
    }
    return text;
}

} // namespace attnscope
