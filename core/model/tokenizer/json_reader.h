// SPDX-License-Identifier: GPL-3.0-or-later
// Reads fields of untrusted JSON; the first problem is kept, and what follows it gets harmless values.
#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope::tokenizer {

/// The first error of a whole file.
class Problem {
public:
    void set(Error error)
    {
        if (!m_error)
            m_error = std::move(error);
    }
    bool any() const { return m_error.has_value(); }
    const Error& error() const { return *m_error; }

private:
    std::optional<Error> m_error;
};

/// A JSON value and its path in the file. Borrows the document and the problem.
class JsonReader {
public:
    JsonReader(const nlohmann::json& value, Problem& problem, std::string path)
        : m_value(&value), m_problem(&problem), m_path(std::move(path))
    {
    }

    bool isObject() const;
    bool isArray() const;
    bool isString() const;
    /// True where the key is there and not null.
    bool has(std::string_view key) const;
    /// The member, or null where there is none.
    JsonReader child(std::string_view key) const;
    /// The elements; a problem where this is no array.
    std::vector<JsonReader> items() const;
    /// The members of an object in the order of their names; a problem where this is no object.
    std::vector<std::pair<std::string, JsonReader>> members() const;

    std::string asText() const;
    std::int64_t asInteger(std::int64_t lowest, std::int64_t highest) const;
    double asNumber() const;

    /// Without a fallback a missing (or null) key is a problem.
    bool flag(std::string_view key, std::optional<bool> fallback = std::nullopt) const;
    std::string text(std::string_view key, std::optional<std::string> fallback = std::nullopt) const;
    std::int64_t integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                         std::optional<std::int64_t> fallback = std::nullopt) const;

    /// The component's "type" field.
    std::string type() const { return text("type"); }

    const std::string& path() const { return m_path; }
    Problem& problem() const { return *m_problem; }
    /// Notes "what is at PATH `clause`".
    void fail(const std::string& clause) const;
    /// Notes that the component's type is unknown; `kind` is "normalizer" and the like.
    void failUnknown(std::string_view kind, const std::string& name) const;

private:
    const nlohmann::json* m_value;
    Problem* m_problem;
    std::string m_path;
};

} // namespace attnscope::tokenizer
