// SPDX-License-Identifier: GPL-3.0-or-later
// Checked reading of a JSON object: wrong types and sizes out of range become one sentence instead of a crash.
#pragma once

#include "core/base/result.h"
#include "core/base/shape.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// Remembers the first thing that is wrong; afterwards every reading returns its fallback. A key that is null counts as missing.
class ConfigFields {
public:
    ConfigFields(const nlohmann::json& object, std::string origin) : m_object(object), m_origin(std::move(origin)) {}

    bool has(const char* key) const;
    bool isNull(const char* key) const;     ///< written, but as null
    Index size(const char* key, Index max); ///< required, from 1
    Index size(const char* key, Index max, Index fallback);
    double number(const char* key, double min, double max, double fallback);
    bool flag(const char* key, bool fallback);
    std::string text(const char* key, const std::string& fallback);
    std::vector<std::string> texts(const char* key);
    const nlohmann::json* object(const char* key); ///< null where missing

    void fail(Errc code, std::string what, std::string hint);
    const std::optional<Error>& error() const { return m_error; }
    const std::string& origin() const { return m_origin; }

private:
    const nlohmann::json* find(const char* key) const;
    void wrongType(const char* key, const char* expected, const nlohmann::json& value);

    const nlohmann::json& m_object;
    std::string m_origin;
    std::optional<Error> m_error;
};

} // namespace attnscope
