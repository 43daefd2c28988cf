// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/tensor_metadata.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace attnscope {

namespace {

Error metadataError(const std::string& key, const std::string& value, const std::string& allowed)
{
    return {Errc::Parse, "has the metadata " + key + " = \"" + value.substr(0, 60) + "\", which isn't " + allowed,
            "Save it again with " + key + " as " + allowed + "."};
}

} // namespace

Index windowOf(std::string_view mask)
{
    constexpr std::string_view start = "sliding window ";
    if (!mask.starts_with(start))
        return 0;
    mask.remove_prefix(start.size());
    Index window = 0;
    const auto [end, failure] = std::from_chars(mask.data(), mask.data() + mask.size(), window);
    const std::string_view rest(end, static_cast<std::size_t>(mask.data() + mask.size() - end));
    const bool known = rest.empty() || rest.starts_with(" on each side") || rest.starts_with(",");
    return failure == std::errc{} && known ? std::max<Index>(window, 0) : 0;
}

std::string maskText(bool causal, Index window)
{
    if (window > 0)
        return "sliding window " + std::to_string(window) + (causal ? "" : " on each side");
    return causal ? "causal" : "bidirectional";
}

Result<std::optional<float>> readScale(const MetadataText& text, const std::string& key)
{
    const auto found = text.find(key);
    if (found == text.end() || key.empty())
        return std::optional<float>{};
    float value = 0.0F;
    const char* end = found->second.data() + found->second.size();
    const auto [at, failure] = std::from_chars(found->second.data(), end, value);
    if (failure != std::errc{} || at != end || !std::isfinite(value))
        return metadataError(key, found->second, "a number");
    return std::optional<float>(value);
}

Result<TensorMetadata> readTensorMetadata(const MetadataText& text)
{
    TensorMetadata metadata;
    if (const auto found = text.find("causal"); found != text.end()) {
        if (found->second != "true" && found->second != "false")
            return metadataError("causal", found->second, "true or false");
        metadata.causal = found->second == "true";
    }
    auto scale = readScale(text, "scale");
    if (!scale)
        return scale.error();
    metadata.scale = *scale;
    if (const auto found = text.find("tokens"); found != text.end()) {
        const auto json = nlohmann::json::parse(found->second, nullptr, false);
        if (!json.is_array() || !std::all_of(json.begin(), json.end(), [](const auto& token) { return token.is_string(); }))
            return metadataError("tokens", found->second, "a JSON array of texts");
        metadata.tokens = json.get<std::vector<std::string>>();
    }
    if (const auto found = text.find("model"); found != text.end())
        metadata.model = found->second;
    if (const auto found = text.find("mask"); found != text.end())
        metadata.mask = found->second;
    return metadata;
}

MetadataText makeMetadataText(const TensorMetadata& metadata)
{
    MetadataText text;
    if (metadata.causal)
        text["causal"] = *metadata.causal ? "true" : "false";
    if (metadata.scale) {
        char digits[32];
        text["scale"] = std::string(digits, std::to_chars(digits, digits + sizeof(digits), *metadata.scale).ptr);
    }
    if (!metadata.tokens.empty())
        text["tokens"] = nlohmann::json(metadata.tokens).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (!metadata.model.empty())
        text["model"] = metadata.model;
    if (!metadata.mask.empty())
        text["mask"] = metadata.mask;
    return text;
}

} // namespace attnscope
