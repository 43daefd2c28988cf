// SPDX-License-Identifier: GPL-3.0-or-later
// Reads members of a session's JSON with a type check, and remembers the first key that is wrong.
#pragma once

#include "core/base/shape.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace attnscope {

using SessionJson = nlohmann::ordered_json;

/// By its name in `names`, which are in the enum's order.
template <class Enum, std::size_t N>
std::optional<Enum> enumFrom(const std::array<const char*, N>& names, std::string_view name)
{
    for (std::size_t i = 0; i < N; ++i)
        if (name == names[i])
            return static_cast<Enum>(i);
    return std::nullopt;
}

/// A missing or null member leaves the value as it is.
class JsonReader {
public:
    JsonReader(const SessionJson& object, std::string path) : m_object(object), m_path(std::move(path)) {}

    template <class T>
    void read(const char* key, T& value)
    {
        const auto it = m_object.find(key);
        if (it == m_object.end() || it->is_null())
            return;
        bool fits = false;
        if constexpr (std::is_same_v<T, std::string>)
            fits = it->is_string();
        else if constexpr (std::is_same_v<T, bool>)
            fits = it->is_boolean();
        else if constexpr (std::is_unsigned_v<T>)
            fits = it->is_number_unsigned();
        else if constexpr (std::is_integral_v<T>)
            fits = it->is_number_integer();
        else
            fits = it->is_number();
        if (fits)
            value = it->template get<T>();
        else
            fail(key);
    }
    template <class T>
    void read(const char* key, std::optional<T>& value)
    {
        if (m_object.contains(key) && !m_object[key].is_null())
            read(key, value.emplace());
    }
    template <class Enum, std::size_t N>
    void read(const char* key, const std::array<const char*, N>& names, Enum& value)
    {
        std::string name;
        read(key, name);
        if (name.empty())
            return;
        if (const auto found = enumFrom<Enum>(names, name))
            value = *found;
        else
            fail(key);
    }
    /// [low, high] with low < high, or null.
    void read(const char* key, std::optional<std::pair<double, double>>& range)
    {
        const auto it = m_object.find(key);
        if (it == m_object.end() || it->is_null())
            return;
        const bool fits = it->is_array() && it->size() == 2 && (*it)[0].is_number() && (*it)[1].is_number();
        if (fits && (*it)[0].get<double>() < (*it)[1].get<double>())
            range = {(*it)[0].get<double>(), (*it)[1].get<double>()};
        else
            fail(key);
    }
    /// [[query, key], ...], none of them negative.
    void read(const char* key, std::vector<std::pair<Index, Index>>& cells)
    {
        const auto it = m_object.find(key);
        if (it == m_object.end() || it->is_null())
            return;
        const auto isCell = [](const SessionJson& cell) {
            return cell.is_array() && cell.size() == 2 && cell[0].is_number_unsigned() && cell[1].is_number_unsigned();
        };
        if (!it->is_array() || !std::all_of(it->begin(), it->end(), isCell))
            return fail(key);
        for (const SessionJson& cell : *it)
            cells.emplace_back(cell[0].get<Index>(), cell[1].get<Index>());
    }
    void fail(const std::string& key)
    {
        if (m_wrong.empty())
            m_wrong = m_path + key;
    }
    const std::string& wrong() const { return m_wrong; }

private:
    const SessionJson& m_object;
    std::string m_path;
    std::string m_wrong;
};

} // namespace attnscope
