// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/rope_config.h"

#include <cmath>

namespace attnscope {

namespace {

constexpr double LongestLength = 1e9;

RopeType typeOf(const std::string& name, ConfigFields& fields)
{
    if (name == "default")
        return RopeType::Default;
    if (name == "linear")
        return RopeType::Linear;
    if (name == "dynamic")
        return RopeType::Dynamic;
    if (name == "llama3")
        return RopeType::Llama3;
    if (name == "yarn")
        return RopeType::Yarn;
    fields.fail(Errc::Unsupported,
                fields.origin() + " asks for rotary scaling of the type \"" + name + "\", which Attnscope does not know.",
                "Known are default, linear, dynamic, llama3 and yarn; for others capture q, k and v in PyTorch and open those.");
    return RopeType::Default;
}

/// YaRN's temperature as a factor of cos and sin (Peng et al. 2023, arXiv 2309.00071, equation 22), with DeepSeek's mscale.
double yarnAttentionFactor(ConfigFields& scaling, double factor)
{
    const auto mscale = [](double scale, double weight) { return scale <= 1.0 ? 1.0 : 0.1 * weight * std::log(scale) + 1.0; };
    if (scaling.has("attention_factor"))
        return scaling.number("attention_factor", 1e-6, 1e6, 1.0);
    const double own = scaling.number("mscale", 0.0, 1e6, 0.0);
    const double all = scaling.number("mscale_all_dim", 0.0, 1e6, 0.0);
    return own > 0.0 && all > 0.0 ? mscale(factor, own) / mscale(factor, all) : mscale(factor, 1.0);
}

void readScaling(ConfigFields& fields, ConfigFields& scaling, Index maxPositions, RopeConfig& rope)
{
    const auto trained = static_cast<double>(maxPositions);
    rope.type = typeOf(scaling.text("rope_type", scaling.text("type", "default")), scaling);
    rope.theta = scaling.number("rope_theta", 1.0 + 1e-6, 1e15, rope.theta);
    rope.originalLength = scaling.number("original_max_position_embeddings", 1.0, LongestLength, trained);
    rope.originalLength = fields.number("original_max_position_embeddings", 1.0, LongestLength, rope.originalLength);
    const bool ownFactor = rope.type == RopeType::Default || rope.type == RopeType::Yarn;
    if (!ownFactor && !scaling.has("factor"))
        scaling.fail(Errc::Parse, scaling.origin() + ": the rotary scaling has no \"factor\".",
                     "Take config.json from the model's original folder.");
    rope.factor = scaling.number("factor", 1e-6, 1e6, rope.type == RopeType::Yarn ? trained / rope.originalLength : 1.0);
    if (rope.type == RopeType::Llama3) {
        rope.lowFrequencyFactor = scaling.number("low_freq_factor", 1e-6, 1e6, 1.0);
        rope.highFrequencyFactor = scaling.number("high_freq_factor", 1e-6, 1e6, 4.0);
        if (!(rope.highFrequencyFactor > rope.lowFrequencyFactor))
            scaling.fail(Errc::InvalidParam, scaling.origin() + ": \"high_freq_factor\" must exceed \"low_freq_factor\".",
                         "Take config.json from the model's original folder.");
    }
    if (rope.type == RopeType::Yarn) {
        rope.betaFast = scaling.number("beta_fast", 1e-6, 1e6, 32.0);
        rope.betaSlow = scaling.number("beta_slow", 1e-6, 1e6, 1.0);
        rope.truncate = scaling.flag("truncate", true);
        rope.attentionFactor = yarnAttentionFactor(scaling, rope.factor);
    }
}

} // namespace

RopeConfig readRope(ConfigFields& fields, Index headDim, Index maxPositions)
{
    RopeConfig rope;
    rope.theta = fields.number("rope_theta", 1.0 + 1e-6, 1e15, 10000.0);
    rope.trainedLength = static_cast<double>(maxPositions);
    double part = fields.number("partial_rotary_factor", 0.0, 1.0, 1.0);
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
        const auto* object = fields.object(key);
        if (!object)
            continue;
        for (const auto& [name, value] : object->items())
            if (value.is_object())
                fields.fail(Errc::Unsupported, fields.origin() + " has rotary parameters per layer type (\"" + name + "\").",
                            "Capture q, k and v of this model in PyTorch and open those.");
        ConfigFields scaling(*object, fields.origin());
        readScaling(fields, scaling, maxPositions, rope);
        part = scaling.number("partial_rotary_factor", 0.0, 1.0, part);
        if (scaling.error())
            fields.fail(scaling.error()->code, scaling.error()->what, scaling.error()->hint);
    }
    rope.dims = static_cast<Index>(static_cast<double>(headDim) * part);
    if (rope.dims % 2 != 0 || (rope.type == RopeType::Dynamic && rope.dims < 4))
        fields.fail(Errc::InvalidParam,
                    fields.origin() + ": rotary embedding needs an even number of dimensions, but rotates " + std::to_string(rope.dims) +
                        ".",
                    "Check head_dim, hidden_size and num_attention_heads in config.json.");
    return rope;
}

} // namespace attnscope
