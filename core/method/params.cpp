// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/params.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

namespace attnscope {

namespace {

Error paramError(std::string what, std::string hint) { return {Errc::InvalidParam, std::move(what), std::move(hint)}; }

std::string numberText(double value)
{
    std::ostringstream out;
    out.precision(9);
    out << value;
    return out.str();
}

std::string joined(const std::vector<std::string>& items)
{
    std::string text;
    for (const auto& item : items)
        text += (text.empty() ? "" : ", ") + item;
    return text;
}

Result<double> parseNumber(const ParamSpec& spec, const std::string& text)
{
    double value = 0.0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string range = "Use a " + std::string(spec.integer ? "whole number" : "number") + " from " + numberText(spec.min) + " to " +
                              numberText(spec.max) + ".";
    if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
        return paramError("The parameter " + spec.key + " is not a number: \"" + text + "\".", range);
    if (spec.integer && value != std::floor(value))
        return paramError("The parameter " + spec.key + " must be a whole number, not " + text + ".", range);
    if (value < spec.min || value > spec.max)
        return paramError("The parameter " + spec.key + " = " + text + " is out of range.", range);
    return value;
}

Result<void> assign(Params& params, const ParamSpec& spec, const std::string& text)
{
    switch (spec.kind) {
    case ParamKind::Number: {
        auto value = parseNumber(spec, text);
        if (!value)
            return value.error();
        params.numbers[spec.key] = *value;
        return {};
    }
    case ParamKind::Choice:
        if (std::find(spec.choices.begin(), spec.choices.end(), text) == spec.choices.end())
            return paramError("The parameter " + spec.key + " can't be \"" + text + "\".", "Choose one of: " + joined(spec.choices) + ".");
        break;
    case ParamKind::File:
        break;
    }
    params.texts[spec.key] = text;
    return {};
}

template <class Map>
const typename Map::mapped_type* lookUp(const Map& map, std::string_view key)
{
    const auto it = map.find(key);
    return it == map.end() ? nullptr : &it->second;
}

} // namespace

double Params::number(std::string_view key) const
{
    const auto* value = lookUp(numbers, key);
    return value ? *value : 0.0;
}

Index Params::integer(std::string_view key) const { return static_cast<Index>(std::llround(number(key))); }

const std::string& Params::text(std::string_view key) const
{
    static const std::string none;
    const auto* value = lookUp(texts, key);
    return value ? *value : none;
}

const Tensor* Params::tensor(std::string_view key) const
{
    const auto* value = lookUp(tensors, key);
    return value ? value->get() : nullptr;
}

std::string Params::describe(const std::vector<ParamSpec>& specs) const
{
    std::string out;
    for (const auto& spec : specs) {
        const std::string value = spec.kind == ParamKind::Number ? numberText(number(spec.key)) : text(spec.key);
        if (!value.empty())
            out += (out.empty() ? "" : " ") + spec.key + "=" + value;
    }
    return out;
}

Params defaultParams(const std::vector<ParamSpec>& specs, std::uint64_t seed)
{
    Params params;
    params.seed = seed;
    for (const auto& spec : specs) {
        if (spec.kind == ParamKind::Number)
            params.numbers[spec.key] = spec.initial;
        else
            params.texts[spec.key] = spec.kind == ParamKind::Choice && !spec.choices.empty() ? spec.choices.front() : std::string();
    }
    return params;
}

Result<Params> makeParams(const std::vector<ParamSpec>& specs, const std::vector<ParamText>& given, std::uint64_t seed)
{
    Params params = defaultParams(specs, seed);
    std::vector<std::string> keys;
    keys.reserve(specs.size());
    for (const auto& spec : specs)
        keys.push_back(spec.key);
    for (const auto& [key, text] : given) {
        const auto spec = std::find_if(specs.begin(), specs.end(), [&key = key](const ParamSpec& s) { return s.key == key; });
        if (spec == specs.end())
            return paramError("There is no parameter \"" + key + "\".",
                              keys.empty() ? "This method has no parameters." : "Its parameters are: " + joined(keys) + ".");
        if (auto done = assign(params, *spec, text); !done)
            return done.error();
    }
    return params;
}

} // namespace attnscope
