// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/config_fields.h"

#include <cmath>

namespace attnscope {

namespace {

/// The value as messages quote it: short, and never broken UTF-8. Lists and objects may be nested so deep that to print them would
/// overflow the stack.
std::string quoted(const nlohmann::json& value)
{
    if (value.is_structured())
        return value.is_array() ? "a list" : "an object";
    std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    if (text.size() > 40)
        text = text.substr(0, 37) + "...";
    return text;
}

std::string plainNumber(double value)
{
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.')
        text.pop_back();
    return text;
}

} // namespace

const nlohmann::json* ConfigFields::find(const char* key) const
{
    const auto at = m_object.find(key);
    return at == m_object.end() || at->is_null() ? nullptr : &*at;
}

bool ConfigFields::has(const char* key) const { return find(key) != nullptr; }

bool ConfigFields::isNull(const char* key) const
{
    const auto at = m_object.find(key);
    return at != m_object.end() && at->is_null();
}

void ConfigFields::fail(Errc code, std::string what, std::string hint)
{
    if (!m_error)
        m_error = Error{code, std::move(what), std::move(hint)};
}

void ConfigFields::wrongType(const char* key, const char* expected, const nlohmann::json& value)
{
    fail(Errc::Parse, m_origin + ": \"" + key + "\" is " + quoted(value) + ", but " + expected + " is expected.",
         "Take config.json from the model's original folder.");
}

Index ConfigFields::size(const char* key, Index max)
{
    if (!has(key)) {
        fail(Errc::Parse, m_origin + " has no \"" + key + "\".", "Take config.json from the model's original folder.");
        return 1;
    }
    return size(key, max, 1);
}

Index ConfigFields::size(const char* key, Index max, Index fallback)
{
    const auto* value = find(key);
    if (!value)
        return fallback;
    if (!value->is_number_integer()) {
        wrongType(key, "a whole number", *value);
        return fallback;
    }
    const bool tooLarge = value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(max);
    if (tooLarge || value->get<std::int64_t>() < 1) {
        fail(Errc::InvalidParam,
             m_origin + ": \"" + key + "\" is " + quoted(*value) + ", but must be from 1 to " + std::to_string(max) + ".",
             "Take config.json from the model's original folder.");
        return fallback;
    }
    return value->get<Index>();
}

double ConfigFields::number(const char* key, double min, double max, double fallback)
{
    const auto* value = find(key);
    if (!value)
        return fallback;
    if (!value->is_number()) {
        wrongType(key, "a number", *value);
        return fallback;
    }
    const auto x = value->get<double>();
    if (!std::isfinite(x) || x < min || x > max) {
        fail(Errc::InvalidParam,
             m_origin + ": \"" + key + "\" is " + quoted(*value) + ", but must be from " + plainNumber(min) + " to " + plainNumber(max) +
                 ".",
             "Take config.json from the model's original folder.");
        return fallback;
    }
    return x;
}

bool ConfigFields::flag(const char* key, bool fallback)
{
    const auto* value = find(key);
    if (!value)
        return fallback;
    if (!value->is_boolean()) {
        wrongType(key, "true or false", *value);
        return fallback;
    }
    return value->get<bool>();
}

std::string ConfigFields::text(const char* key, const std::string& fallback)
{
    const auto* value = find(key);
    if (!value)
        return fallback;
    if (!value->is_string()) {
        wrongType(key, "a text", *value);
        return fallback;
    }
    return value->get<std::string>();
}

std::vector<std::string> ConfigFields::texts(const char* key)
{
    std::vector<std::string> found;
    const auto* value = find(key);
    if (!value)
        return found;
    if (!value->is_array()) {
        wrongType(key, "a list of texts", *value);
        return found;
    }
    for (const auto& entry : *value) {
        if (!entry.is_string()) {
            wrongType(key, "a list of texts", entry);
            return {};
        }
        found.push_back(entry.get<std::string>());
    }
    return found;
}

const nlohmann::json* ConfigFields::object(const char* key)
{
    const auto* value = find(key);
    if (value && !value->is_object()) {
        wrongType(key, "an object", *value);
        return nullptr;
    }
    return value;
}

} // namespace attnscope
