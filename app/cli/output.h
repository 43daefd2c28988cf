// SPDX-License-Identifier: GPL-3.0-or-later
// What the subcommands print: one JSON document, or aligned tables for people.
#pragma once

#include "core/method/method_list.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace attnscope::cli {

/// Pretty-printed with a final newline; NaN and infinity become null.
void printJson(const nlohmann::ordered_json& document);

/// The parameters as an object, in the method's order, with the seed where the method is randomised.
nlohmann::ordered_json parametersJson(const MethodChoice& choice);

/// Null where there is no number.
nlohmann::ordered_json numberOrNull(const std::optional<double>& value);

/// Four significant digits, as people read them; "-" where there is none.
std::string shortNumber(double value);
std::string shortNumber(const std::optional<double>& value);

/// Columns as wide as their widest cell; the first `textColumns` are aligned left, the others right.
class Table {
public:
    explicit Table(std::vector<std::string> header, std::size_t textColumns = 1);

    void add(std::vector<std::string> row) { m_rows.push_back(std::move(row)); }
    void print() const;

private:
    std::vector<std::vector<std::string>> m_rows;
    std::size_t m_textColumns;
};

/// Quoted where a comma, a quote or a line break asks for it (RFC 4180).
std::string csvField(const std::string& text);

} // namespace attnscope::cli
