// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_fields.h"

namespace attnscope {

const char* StackFields::firstOf(Keys keys) const
{
    for (const char* key : keys)
        if (has(key))
            return key;
    return nullptr;
}

Index StackFields::required(Keys keys, Index max)
{
    const char* key = firstOf(keys);
    return size(key ? key : *keys.begin(), max);
}

Index StackFields::either(Keys keys, Index fallback, Index max)
{
    const char* key = firstOf(keys);
    return key ? size(key, max, fallback) : fallback;
}

Index StackFields::count(Keys keys, Index fallback)
{
    const char* key = firstOf(keys);
    if (!key)
        return fallback;
    return m_json.at(key).is_number() && m_json.at(key) == 0 ? 0 : size(key, MaxSize, fallback);
}

double StackFields::ratio(Keys keys, double fallback)
{
    const char* key = firstOf(keys);
    return key ? number(key, 1.0 / 64.0, 256.0, fallback) : fallback;
}

std::vector<Index> StackFields::indices(const char* key)
{
    std::vector<Index> found;
    if (!has(key))
        return found;
    const auto& list = m_json.at(key);
    for (const auto& entry : list)
        if (entry.is_number_integer() && entry >= 0 && entry < MaxSize)
            found.push_back(entry.get<Index>());
    if (!list.is_array() || found.size() != list.size())
        fail(Errc::Parse, origin() + ": \"" + key + "\" is not a list of layer numbers.", kTakeOriginalConfig);
    return found;
}

} // namespace attnscope
