// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/npy_header.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <numeric>
#include <optional>

namespace attnscope {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t mostDimensions = 64;

Error headerError(std::string what) { return {Errc::Parse, std::move(what), "The file is damaged; save the array again with numpy.save."}; }

/// Reads the Python dictionary of the header, which has three known keys and nothing but literals.
class DictReader {
public:
    explicit DictReader(std::string_view text) : m_text(text) {}

    std::optional<std::string> descr; // "<f4"; empty for a structured type
    std::optional<bool> fortranOrder;
    std::optional<std::vector<Index>> shape;

    bool read()
    {
        if (!take('{'))
            return false;
        while (!take('}')) {
            const auto key = string();
            if (!key || !take(':') || !value(*key))
                return false;
            if (!take(',') && peek() != '}')
                return false;
        }
        return descr && fortranOrder && shape;
    }

private:
    char peek()
    {
        while (!m_text.empty() && std::isspace(static_cast<unsigned char>(m_text.front())) != 0)
            m_text.remove_prefix(1);
        return m_text.empty() ? '\0' : m_text.front();
    }

    bool take(char wanted)
    {
        if (peek() != wanted)
            return false;
        m_text.remove_prefix(1);
        return true;
    }

    bool takeWord(std::string_view word)
    {
        peek();
        if (!m_text.starts_with(word))
            return false;
        m_text.remove_prefix(word.size());
        return true;
    }

    std::optional<std::string> string()
    {
        const char quote = peek();
        if (quote != '\'' && quote != '"')
            return std::nullopt;
        const auto end = m_text.find(quote, 1);
        if (end == std::string_view::npos)
            return std::nullopt;
        std::string text(m_text.substr(1, end - 1));
        m_text.remove_prefix(end + 1);
        return text;
    }

    bool value(const std::string& key)
    {
        if (key == "descr") {
            if (peek() == '[') { // a structured type: skip the list, whatever it holds
                descr = std::string();
                return skipList();
            }
            descr = string();
            return descr.has_value();
        }
        if (key == "fortran_order") {
            const bool yes = takeWord("True");
            fortranOrder = yes;
            return yes || takeWord("False");
        }
        return key == "shape" && readShape();
    }

    bool skipList()
    {
        int depth = 0;
        do {
            const char c = peek();
            if (c == '\0')
                return false;
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
            m_text.remove_prefix(1);
        } while (depth > 0);
        return true;
    }

    bool readShape()
    {
        shape.emplace();
        if (!take('('))
            return false;
        while (!take(')')) {
            peek();
            Index extent = 0;
            const auto [end, failure] = std::from_chars(m_text.data(), m_text.data() + m_text.size(), extent);
            if (failure != std::errc{} || extent < 0 || shape->size() >= mostDimensions)
                return false;
            m_text.remove_prefix(static_cast<std::size_t>(end - m_text.data()));
            if (m_text.starts_with('L')) // Python 2 wrote long integers so
                m_text.remove_prefix(1);
            shape->push_back(extent);
            if (!take(',') && peek() != ')')
                return false;
        }
        return true;
    }

    std::string_view m_text;
};

/// Bytes before the dictionary, and of the dictionary.
struct Extent {
    std::size_t prefix = 0;
    std::uint64_t length = 0;
};

Result<Extent> extentOf(std::span<const std::byte> start)
{
    if (start.size() < 10 || std::memcmp(start.data(), magic.data(), magic.size()) != 0)
        return headerError("isn't a NumPy array");
    const int version = std::to_integer<int>(start[6]);
    if (version < 1 || version > 3)
        return headerError("has version " + std::to_string(version) + " of the NumPy format, which is unknown here");
    const std::size_t prefix = version == 1 ? 10 : 12;
    std::uint64_t length = 0;
    for (std::size_t i = 8; i < prefix && i < start.size(); ++i)
        length |= std::to_integer<std::uint64_t>(start[i]) << (8 * (i - 8));
    if (length > mostNpyHeaderBytes - prefix)
        return headerError("claims a header of " + std::to_string(length) + " bytes");
    if (start.size() < prefix + length)
        return headerError("is cut off inside its header");
    return Extent{prefix, length};
}

/// Fills dtype, dtypeName, byte order and itemBytes from "<f4" and the like.
void readDescr(const std::string& descr, const NpyReading& reading, NpyHeader& header)
{
    const bool ordered = !descr.empty() && std::string_view("<>=|").find(descr[0]) != std::string_view::npos;
    const std::string kind = ordered ? descr.substr(1) : descr;
    header.bigEndian = ordered && descr[0] == '>';
    std::uint64_t number = 0;
    if (kind.size() > 1)
        std::from_chars(kind.data() + 1, kind.data() + kind.size(), number);
    header.itemBytes = number;
    auto& info = header.info;
    if (kind == "f2" || kind == "f4" || kind == "f8") {
        info.dtype = number == 2 ? DType::F16 : number == 4 ? DType::F32 : DType::F64;
        info.dtypeName = titleOf(info.dtype);
    } else if (kind == "V2" || kind == "bfloat16" || (kind == "u2" && reading.uint16IsBfloat16)) {
        info.dtype = DType::BF16;
        info.dtypeName = titleOf(info.dtype);
        header.itemBytes = 2;
    } else if (kind.starts_with('O')) {
        info.dtypeName = "object";
        header.itemBytes = 0;
    } else if (kind.empty()) {
        info.dtypeName = "structured";
    } else {
        static const std::map<char, std::string> titles{{'i', "int"}, {'u', "uint"}, {'c', "complex"}, {'f', "float"}};
        const auto title = titles.find(kind[0]);
        info.dtypeName = title != titles.end() ? title->second + std::to_string(number * 8) : kind[0] == 'b' ? "bool" : "\"" + descr + "\"";
        header.itemBytes = kind[0] == 'U' ? number * 4 : number;
    }
}

} // namespace

Result<NpyHeader> parseNpyHeader(std::span<const std::byte> start, const NpyReading& reading)
{
    const auto extent = extentOf(start);
    if (!extent)
        return extent.error();
    DictReader dict({reinterpret_cast<const char*>(start.data()) + extent->prefix, static_cast<std::size_t>(extent->length)});
    if (!dict.read())
        return headerError("has a NumPy header that can't be understood");
    NpyHeader header;
    readDescr(*dict.descr, reading, header);
    header.fortranOrder = *dict.fortranOrder;
    header.headerBytes = extent->prefix + extent->length;
    const bool empty = std::find(dict.shape->begin(), dict.shape->end(), 0) != dict.shape->end();
    std::uint64_t bytes = std::max<std::uint64_t>(header.itemBytes, sizeof(float)); // the float32 copy must not overflow either
    for (const Index extentOfAxis : *dict.shape)
        if (!empty && (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extentOfAxis), &bytes) || bytes >> 63 != 0))
            return headerError("promises an array of " + shapeText(*dict.shape) + ", more than any machine can hold");
    header.info.shape = std::move(*dict.shape);
    header.dataBytes = static_cast<std::uint64_t>(header.info.size()) * header.itemBytes;
    return header;
}

void decodeNpy(const NpyHeader& header, const std::byte* from, std::size_t count, float* to)
{
    if (!header.bigEndian) {
        convertToFloat32(header.info.dtype, from, count, to);
        return;
    }
    const std::size_t width = bytesOf(header.info.dtype);
    std::array<std::byte, 8> swapped;
    for (std::size_t i = 0; i < count; ++i) {
        std::reverse_copy(from + i * width, from + (i + 1) * width, swapped.begin());
        convertToFloat32(header.info.dtype, swapped.data(), 1, to + i);
    }
}

void reorderFromFortran(std::span<const Index> shape, std::span<const float> from, std::span<float> to)
{
    std::vector<Index> at(shape.size(), 0);
    std::vector<Index> stride(shape.size(), 1);
    for (std::size_t axis = 1; axis < shape.size(); ++axis)
        stride[axis] = stride[axis - 1] * shape[axis - 1];
    Index source = 0;
    for (float& value : to) {
        value = from[static_cast<std::size_t>(source)];
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            source += stride[axis];
            if (++at[axis] < shape[axis])
                break;
            source -= stride[axis] * shape[axis];
            at[axis] = 0;
        }
    }
}

std::string makeNpyHeader(std::span<const Index> shape)
{
    std::string tuple;
    for (const Index extent : shape)
        tuple += std::to_string(extent) + ", ";
    if (shape.size() > 1)
        tuple.resize(tuple.size() - 2);
    std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + tuple + "), }";
    const std::size_t total = (10 + dict.size() + 1 + 63) / 64 * 64; // at most 64 dimensions: always fits version 1
    dict.resize(total - 10 - 1, ' ');
    dict += '\n';
    const auto length = static_cast<unsigned>(dict.size());
    return std::string(magic) + '\1' + '\0' + static_cast<char>(length & 0xffU) + static_cast<char>(length >> 8U) + dict;
}

} // namespace attnscope
