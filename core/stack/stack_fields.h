// SPDX-License-Identifier: GPL-3.0-or-later
// Reading of a config.json whose families name the same thing differently: the first of several keys that is written.
#pragma once

#include "core/model/config_fields.h"

#include <initializer_list>

namespace attnscope {

inline constexpr const char* kTakeOriginalConfig = "Take config.json from the model's original folder.";

class StackFields : public ConfigFields {
public:
    using Keys = std::initializer_list<const char*>;
    static constexpr Index MaxSize = Index{1} << 24;

    StackFields(const nlohmann::json& object, std::string origin) : ConfigFields(object, std::move(origin)), m_json(object) {}

    /// The first of these keys that is written with a value, or null.
    const char* firstOf(Keys keys) const;
    /// Required: fails with the first key's name.
    Index required(Keys keys, Index max = MaxSize);
    Index either(Keys keys, Index fallback, Index max = MaxSize);
    /// As either(), where 0 is a value too ("num_local_experts": 0).
    Index count(Keys keys, Index fallback = 0);
    double ratio(Keys keys, double fallback);
    /// A list of whole numbers from 0; empty where missing.
    std::vector<Index> indices(const char* key);

    const nlohmann::json& json() const { return m_json; }
    std::string modelType;

private:
    const nlohmann::json& m_json;
};

} // namespace attnscope
