// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/json_reader.h"

#include "core/model/tokenizer/unicode.h"

#include <nlohmann/json.hpp>

namespace attnscope::tokenizer {

namespace {

const nlohmann::json& nullValue()
{
    static const nlohmann::json value;
    return value;
}

constexpr const char* hintOfBadFile = "Take tokenizer.json from the model's own folder again; it may be damaged.";

constexpr std::size_t longestName = 60; // names come from the file: keep messages short

} // namespace

bool JsonReader::isObject() const { return m_value->is_object(); }
bool JsonReader::isArray() const { return m_value->is_array(); }
bool JsonReader::isString() const { return m_value->is_string(); }

bool JsonReader::has(std::string_view key) const
{
    if (!m_value->is_object())
        return false;
    const auto found = m_value->find(key);
    return found != m_value->end() && !found->is_null();
}

JsonReader JsonReader::child(std::string_view key) const
{
    const std::string path = m_path.empty() ? std::string(key) : m_path + "." + std::string(key);
    return {has(key) ? *m_value->find(key) : nullValue(), *m_problem, path};
}

std::vector<JsonReader> JsonReader::items() const
{
    std::vector<JsonReader> all;
    if (!m_value->is_array()) {
        fail("is not a list");
        return all;
    }
    all.reserve(m_value->size());
    for (const auto& item : *m_value)
        all.emplace_back(item, *m_problem, m_path);
    return all;
}

std::vector<std::pair<std::string, JsonReader>> JsonReader::members() const
{
    std::vector<std::pair<std::string, JsonReader>> all;
    if (!m_value->is_object()) {
        fail("is not an object");
        return all;
    }
    all.reserve(m_value->size());
    for (const auto& [key, value] : m_value->items())
        all.emplace_back(key, JsonReader(value, *m_problem, m_path));
    return all;
}

std::string JsonReader::asText() const
{
    if (const auto* text = m_value->get_ptr<const std::string*>())
        return *text;
    fail("is not a text");
    return {};
}

std::int64_t JsonReader::asInteger(std::int64_t lowest, std::int64_t highest) const
{
    if (!m_value->is_number_integer()) {
        fail("is not a whole number");
        return lowest;
    }
    const bool huge = m_value->is_number_unsigned() && m_value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    const std::int64_t value = huge ? INT64_MAX : m_value->get<std::int64_t>();
    if (value >= lowest && value <= highest)
        return value;
    fail("is outside " + std::to_string(lowest) + " to " + std::to_string(highest));
    return lowest;
}

double JsonReader::asNumber() const
{
    if (m_value->is_number())
        return m_value->get<double>();
    fail("is not a number");
    return 0.0;
}

bool JsonReader::flag(std::string_view key, std::optional<bool> fallback) const
{
    const JsonReader value = child(key);
    if (value.m_value->is_null() && fallback)
        return *fallback;
    if (const auto* flag = value.m_value->get_ptr<const bool*>())
        return *flag;
    value.fail("is not true or false");
    return false;
}

std::string JsonReader::text(std::string_view key, std::optional<std::string> fallback) const
{
    const JsonReader value = child(key);
    return value.m_value->is_null() && fallback ? *fallback : value.asText();
}

std::int64_t JsonReader::integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                                 std::optional<std::int64_t> fallback) const
{
    const JsonReader value = child(key);
    return value.m_value->is_null() && fallback ? *fallback : value.asInteger(lowest, highest);
}

void JsonReader::fail(const std::string& clause) const
{
    m_problem->set({Errc::Parse,
                    "The tokenizer file is not valid: " + (m_path.empty() ? "its content" : "\"" + m_path + "\"") + " " + clause + ".",
                    hintOfBadFile});
}

void JsonReader::failUnknown(std::string_view kind, const std::string& name) const
{
    m_problem->set(
        {Errc::Unsupported,
         "This tokenizer uses the " + std::string(kind) + " \"" + shortened(name, longestName) + "\", which Attnscope doesn't know.",
         "Use a model of the GPT-2, Llama, Mistral, Qwen, SmolLM2 or BERT families, or check the spelling in tokenizer.json."});
}

} // namespace attnscope::tokenizer
