// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/output.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>

namespace attnscope::cli {

namespace {

/// Code points, which is what a terminal's columns count for all but wide scripts.
std::size_t widthOf(const std::string& text)
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

} // namespace

void printJson(const nlohmann::ordered_json& document)
{
    std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

nlohmann::ordered_json parametersJson(const MethodChoice& choice)
{
    auto json = nlohmann::ordered_json::object();
    for (const auto& spec : choice.method->info().params) {
        const auto& text = choice.params.text(spec.key);
        if (spec.kind == ParamKind::File && text.empty())
            json[spec.key] = nullptr;
        else if (spec.kind != ParamKind::Number)
            json[spec.key] = text;
        else if (spec.integer)
            json[spec.key] = choice.params.integer(spec.key);
        else
            json[spec.key] = choice.params.number(spec.key);
    }
    if (choice.method->info().randomised)
        json["seed"] = choice.params.seed;
    return json;
}

nlohmann::ordered_json numberOrNull(const std::optional<double>& value)
{
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

std::string shortNumber(double value)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.4g", value);
    return text.data();
}

std::string shortNumber(const std::optional<double>& value) { return value ? shortNumber(*value) : "-"; }

Table::Table(std::vector<std::string> header, std::size_t textColumns) : m_rows{std::move(header)}, m_textColumns(textColumns) {}

void Table::print() const
{
    std::vector<std::size_t> widths(m_rows.front().size(), 0);
    for (const auto& row : m_rows)
        for (std::size_t c = 0; c < row.size(); ++c)
            widths[c] = std::max(widths[c], widthOf(row[c]));
    for (const auto& row : m_rows) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string padding(widths[c] - widthOf(row[c]), ' ');
            line += (c > 0 ? "  " : "") + (c < m_textColumns ? row[c] + padding : padding + row[c]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        std::cout << line << '\n';
    }
}

std::string csvField(const std::string& text)
{
    if (text.find_first_of(",\"\r\n") == std::string::npos)
        return text;
    std::string quoted = "\"";
    for (const char c : text)
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

} // namespace attnscope::cli
