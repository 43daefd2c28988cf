// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/method_list.h"

#include "core/method/registry.h"

#include <array>
#include <charconv>

namespace attnscope {

namespace {

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(separator, start), text.size());
        if (const auto part = trimmed(text.substr(start, end - start)); !part.empty())
            parts.push_back(part);
        start = end + 1;
    }
    return parts;
}

/// The shortest text that reads back as the same number.
std::string shortest(double value)
{
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

} // namespace

Result<ParamText> parseParam(std::string_view text)
{
    const auto equals = text.find('=');
    const auto key = trimmed(text.substr(0, std::min(equals, text.size())));
    if (equals == std::string_view::npos || key.empty())
        return Error{Errc::InvalidParam, "The parameter \"" + std::string(text) + "\" is not of the form key=value.",
                     "Write for example features=256."};
    return ParamText{key, trimmed(text.substr(equals + 1))};
}

Result<MethodChoice> parseMethod(std::string_view text, std::uint64_t seed)
{
    const auto colon = text.find(':');
    auto method = requireMethod(trimmed(text.substr(0, colon)));
    if (!method)
        return method.error();
    std::vector<ParamText> given;
    if (colon != std::string_view::npos)
        for (const auto part : split(text.substr(colon + 1), ',')) {
            auto param = parseParam(part);
            if (!param)
                return param.error();
            given.push_back(std::move(*param));
        }
    auto params = makeParams((*method)->info().params, given, seed);
    if (!params)
        return Error{params.error().code, (*method)->info().id + ": " + params.error().what, params.error().hint};
    return MethodChoice{*method, std::move(*params)};
}

Result<std::vector<MethodChoice>> parseMethodList(std::string_view text, std::uint64_t seed)
{
    std::vector<MethodChoice> choices;
    for (const auto part : split(text, ';')) {
        auto choice = parseMethod(part, seed);
        if (!choice)
            return choice.error();
        choices.push_back(std::move(*choice));
    }
    if (choices.empty())
        return Error{Errc::InvalidParam, "The list of methods is empty.",
                     "Write for example \"performer:features=256;linformer:rank=64\"."};
    return choices;
}

std::string formatMethod(const MethodChoice& choice)
{
    const auto& info = choice.method->info();
    const Params defaults = defaultParams(info.params);
    std::string text = info.id;
    char separator = ':';
    for (const auto& spec : info.params) {
        const bool number = spec.kind == ParamKind::Number;
        if (number ? choice.params.number(spec.key) == defaults.number(spec.key) : choice.params.text(spec.key) == defaults.text(spec.key))
            continue;
        text += separator + spec.key + "=" + (number ? shortest(choice.params.number(spec.key)) : choice.params.text(spec.key));
        separator = ',';
    }
    return text;
}

std::string formatMethodList(const std::vector<MethodChoice>& choices)
{
    std::string text;
    for (const auto& choice : choices)
        text += (text.empty() ? "" : ";") + formatMethod(choice);
    return text;
}

} // namespace attnscope
