// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/safetensors.h"

#include "core/io/file_error.h"
#include "core/io/safetensors_header.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace attnscope {

namespace {

constexpr std::uint64_t mostHeaderBytes = 100'000'000; // the format's own limit
constexpr std::size_t lengthBytes = 8;

DType dtypeFrom(const std::string& name)
{
    static const std::map<std::string, DType> known{{"F16", DType::F16}, {"BF16", DType::BF16}, {"F32", DType::F32}, {"F64", DType::F64}};
    const auto found = known.find(name);
    return found == known.end() ? DType::Other : found->second;
}

/// "I64" -> "int64"; what isn't known stays as written.
std::string dtypeTitle(const std::string& name)
{
    if (const DType dtype = dtypeFrom(name); dtype != DType::Other)
        return titleOf(dtype);
    if (name == "BOOL")
        return "bool";
    const bool numbered = name.size() > 1 && std::all_of(name.begin() + 1, name.end(), [](unsigned char c) { return std::isdigit(c); });
    if (numbered && (name[0] == 'I' || name[0] == 'U'))
        return (name[0] == 'I' ? "int" : "uint") + name.substr(1);
    return name;
}

/// The length of the JSON header, once it is known to lie inside the file.
Result<std::uint64_t> headerLength(std::span<const std::byte> bytes, const std::filesystem::path& path)
{
    if (bytes.empty())
        return Error{Errc::Parse, "The file " + quoted(path) + " is empty.", "Choose a file that holds tensors."};
    if (bytes.size() < lengthBytes)
        return parseError(path, "is too short to be a safetensors file", "It is damaged; copy or download it again.");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), lengthBytes);
    const std::string claim = "claims a header of " + std::to_string(length) + " bytes, ";
    if (length > bytes.size() - lengthBytes)
        return parseError(path, claim + "more than the whole file has",
                          "It is cut off, or no safetensors file; copy or download it again.");
    if (length > mostHeaderBytes)
        return parseError(path, claim + "more than the 100 MB that the format allows", "It is no valid safetensors file; save it again.");
    return length;
}

} // namespace

Index RawTensor::size() const { return dtype == DType::Other ? 0 : static_cast<Index>(bytes / bytesOf(dtype)); }

Result<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::open(const std::filesystem::path& path)
{
    auto mapped = MappedFile::open(path);
    if (!mapped)
        return mapped.error();
    const auto bytes = mapped->bytes();
    const auto length = headerLength(bytes, path);
    if (!length)
        return length.error();
    const auto dataStart = lengthBytes + static_cast<std::size_t>(*length);
    const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + lengthBytes, static_cast<std::size_t>(*length));
    auto header = parseSafetensorsHeader(json, bytes.size() - dataStart);
    if (!header)
        return parseError(path, header.error().what, header.error().hint);

    std::shared_ptr<SafetensorsFile> file(new SafetensorsFile(path, std::move(*mapped)));
    file->m_dataStart = dataStart;
    file->m_metadata = std::move(header->metadata);
    for (auto& entry : header->entries) {
        file->m_byName[entry.name] = file->m_arrays.size();
        file->m_extents.emplace_back(entry.begin, entry.end);
        file->m_arrays.push_back({std::move(entry.name), std::move(entry.shape), dtypeFrom(entry.dtype), dtypeTitle(entry.dtype)});
    }
    return std::shared_ptr<const SafetensorsFile>(std::move(file));
}

RawTensor SafetensorsFile::rawAt(std::size_t index) const
{
    const auto [begin, end] = m_extents[index];
    const auto& info = m_arrays[index];
    return {info.dtype, info.shape, m_file.bytes().data() + m_dataStart + begin, static_cast<std::size_t>(end - begin)};
}

Result<RawTensor> SafetensorsFile::raw(const std::string& name) const
{
    const auto found = m_byName.find(name);
    if (found == m_byName.end())
        return parseError(m_path, "holds no tensor \"" + name + "\"", "Check that it belongs to this model.");
    if (auto whole = checkWhole(); !whole)
        return whole.error();
    return rawAt(found->second);
}

Result<void> SafetensorsFile::readInto(std::size_t index, std::span<float> out) const
{
    const auto tensor = rawAt(index);
    if (tensor.dtype == DType::Other)
        return unusableDType(m_arrays[index], m_path);
    if (auto whole = checkWhole(); !whole)
        return whole;
    convertToFloat32(tensor.dtype, tensor.data, std::min(out.size(), static_cast<std::size_t>(tensor.size())), out.data());
    m_file.release({tensor.data, tensor.bytes}); // else a long input would be held twice
    return {};
}

} // namespace attnscope
