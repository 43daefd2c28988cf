// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/safetensors_header.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace attnscope {

namespace {

constexpr std::size_t mostDimensions = 64;

/// Bits of one element; 0 for a format unknown here, whose size can't be checked.
std::uint64_t bitsOf(const std::string& dtype)
{
    static const std::map<std::string, std::uint64_t> bits{{"BOOL", 8},    {"U8", 8},   {"I8", 8},   {"F8_E4M3", 8}, {"F8_E5M2", 8},
                                                           {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16}, {"F16", 16},    {"BF16", 16},
                                                           {"I32", 32},    {"U32", 32}, {"F32", 32}, {"F64", 64},    {"I64", 64},
                                                           {"U64", 64},    {"C64", 64}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}};
    const auto found = bits.find(dtype);
    return found == bits.end() ? 0 : found->second;
}

/// Takes the events of the JSON parser and refuses the first that does not belong there, so memory stays in proportion to tensors.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
public:
    SafetensorsHeader header;
    std::string problem;

    bool null() override { return unexpected("null"); }
    bool boolean(bool) override { return unexpected("a boolean"); }
    bool number_float(double, const std::string&) override { return unexpected("a number that isn't whole"); }
    bool binary(binary_t&) override { return unexpected("binary data"); }
    bool number_integer(std::int64_t) override { return unexpected("a negative number"); }

    bool number_unsigned(std::uint64_t value) override
    {
        if (m_where == Where::Shape && value <= static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) {
            entry().shape.push_back(static_cast<Index>(value));
            return entry().shape.size() <= mostDimensions || refuse("gives " + subject() + " more than 64 dimensions");
        }
        if (m_where == Where::Offsets && m_offsets < 2) {
            (m_offsets == 0 ? entry().begin : entry().end) = value;
            ++m_offsets;
            return true;
        }
        return unexpected("the number " + std::to_string(value));
    }

    bool string(std::string& text) override
    {
        if (m_where == Where::Metadata)
            header.metadata[m_key] = text;
        else if (m_where == Where::Entry && m_key == "dtype")
            entry().dtype = text;
        else
            return unexpected("a text");
        return true;
    }

    bool start_object(std::size_t) override
    {
        if (m_where == Where::Start)
            m_where = Where::Top;
        else if (m_where == Where::Top)
            return enter();
        else
            return unexpected("an object");
        return true;
    }

    bool key(std::string& name) override
    {
        m_key = name;
        if (m_where == Where::Top)
            return m_names.insert(name).second || refuse("names " + shortened(name) + " twice");
        if (m_where == Where::Entry && name != "dtype" && name != "shape" && name != "data_offsets")
            return refuse("gives " + subject() + " the unknown field " + shortened(name));
        return true;
    }

    bool end_object() override
    {
        if (m_where == Where::Entry && (entry().dtype.empty() || !m_hasShape || m_offsets != 2))
            return refuse("leaves out dtype, shape or data_offsets of " + subject());
        m_where = m_where == Where::Top ? Where::End : Where::Top;
        return true;
    }

    bool start_array(std::size_t) override
    {
        if (m_where != Where::Entry || m_key == "dtype")
            return unexpected("an array");
        if (m_key == "shape" ? m_hasShape : m_offsets > 0)
            return refuse("gives " + subject() + " two values of " + m_key);
        m_hasShape = m_hasShape || m_key == "shape";
        m_where = m_key == "shape" ? Where::Shape : Where::Offsets;
        return true;
    }

    bool end_array() override
    {
        m_where = Where::Entry;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override
    {
        return refuse("isn't valid JSON at byte " + std::to_string(position));
    }

private:
    enum class Where { Start, Top, Entry, Metadata, Shape, Offsets, End };

    static std::string shortened(const std::string& text) { return "\"" + (text.size() <= 60 ? text : text.substr(0, 60) + "...") + "\""; }

    SafetensorsEntry& entry() { return header.entries.back(); }
    std::string subject() { return shortened(entry().name); }

    bool enter()
    {
        if (m_key == "__metadata__") {
            m_where = Where::Metadata;
            return true;
        }
        m_where = Where::Entry;
        header.entries.emplace_back().name = m_key;
        m_hasShape = false;
        m_offsets = 0;
        return true;
    }

    bool refuse(std::string text)
    {
        problem = std::move(text);
        return false;
    }

    bool unexpected(const std::string& found)
    {
        return refuse("holds " + found + (m_key.empty() ? " at its start" : " where it isn't allowed, under " + shortened(m_key)));
    }

    Where m_where = Where::Start;
    std::string m_key;
    std::set<std::string> m_names;
    bool m_hasShape = false;
    int m_offsets = 0;
};

Error headerError(std::string what) { return {Errc::Parse, std::move(what), "The file is damaged; copy or download it again."}; }

Result<void> checkSize(const SafetensorsEntry& entry, std::uint64_t dataBytes)
{
    const std::string name = "\"" + entry.name + "\"";
    if (entry.begin > entry.end)
        return headerError("has a header in which " + name + " ends before it begins");
    if (entry.end > dataBytes)
        return headerError("is cut off: " + name + " should end at byte " + std::to_string(entry.end) +
                           " of the data, but there are only " + std::to_string(dataBytes));
    std::uint64_t bits = bitsOf(entry.dtype);
    if (bits == 0)
        return {};
    bool overflow = false;
    const bool empty = std::find(entry.shape.begin(), entry.shape.end(), 0) != entry.shape.end();
    for (const Index extent : entry.shape)
        overflow = overflow || (!empty && __builtin_mul_overflow(bits, static_cast<std::uint64_t>(extent), &bits));
    if (overflow || (empty ? 0 : bits) != (entry.end - entry.begin) * 8)
        return headerError("has a header in which shape and bytes of " + name + " disagree");
    return {};
}

Result<void> checkCoverage(const std::vector<SafetensorsEntry>& entries, std::uint64_t dataBytes)
{
    std::vector<const SafetensorsEntry*> order;
    order.reserve(entries.size());
    for (const auto& entry : entries)
        order.push_back(&entry);
    std::sort(order.begin(), order.end(),
              [](const auto* a, const auto* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
    std::uint64_t at = 0;
    for (const auto* entry : order) {
        if (entry->begin < at)
            return headerError("has a header in which \"" + entry->name + "\" overlaps another tensor");
        if (entry->begin > at)
            return headerError("holds " + std::to_string(entry->begin - at) + " bytes before \"" + entry->name +
                               "\" that belong to no tensor");
        at = entry->end;
    }
    if (at != dataBytes)
        return headerError("holds " + std::to_string(dataBytes - at) + " bytes at its end that belong to no tensor");
    return {};
}

} // namespace

Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view json, std::uint64_t dataBytes)
{
    HeaderReader reader;
    if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader))
        return headerError("has a header that " + reader.problem);
    for (const auto& entry : reader.header.entries)
        if (auto fits = checkSize(entry, dataBytes); !fits)
            return fits.error();
    if (auto covered = checkCoverage(reader.header.entries, dataBytes); !covered)
        return covered.error();
    return std::move(reader.header);
}

} // namespace attnscope
