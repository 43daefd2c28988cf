// SPDX-License-Identifier: GPL-3.0-or-later
// Writing .safetensors: a header padded with spaces to 8 bytes, then the tensors back to back.
#include "core/io/atomic_file.h"
#include "core/io/file_error.h"
#include "core/io/safetensors.h"

#include <nlohmann/json.hpp>

#include <bit>

namespace attnscope {

namespace {

constexpr std::size_t alignment = 8;

/// The length and the JSON, padded.
Result<std::string> headerOf(const std::vector<NamedArray>& arrays, const std::map<std::string, std::string>& metadata)
{
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty())
        header["__metadata__"] = metadata;
    std::uint64_t at = 0;
    for (const auto& array : arrays) {
        Index size = 1;
        for (const Index extent : array.shape)
            size *= extent;
        if (size != static_cast<Index>(array.values.size()) || header.contains(array.name))
            return Error{Errc::InvalidShape,
                         "The tensor \"" + array.name + "\" can't be written: its shape " + shapeText(array.shape) + " isn't that of its " +
                             std::to_string(array.values.size()) + " values, or its name is taken.",
                         "Give each tensor its own name and its own shape."};
        header[array.name] = {{"dtype", "F32"}, {"shape", array.shape}, {"data_offsets", {at, at + array.values.size_bytes()}}};
        at += array.values.size_bytes();
    }
    std::string json = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    json.resize((json.size() + alignment - 1) / alignment * alignment, ' ');
    const auto length = std::bit_cast<std::array<char, 8>>(static_cast<std::uint64_t>(json.size()));
    return std::string(length.data(), length.size()) + json;
}

} // namespace

Result<void> writeSafetensors(const std::filesystem::path& path, const std::vector<NamedArray>& arrays,
                              const std::map<std::string, std::string>& metadata)
{
    const auto header = headerOf(arrays, metadata);
    if (!header)
        return header.error();
    auto file = AtomicFile::create(path);
    if (!file)
        return file.error();
    if (auto written = file->write(*header); !written)
        return written;
    for (const auto& array : arrays)
        if (auto written = file->write(std::as_bytes(array.values)); !written)
            return written;
    return file->commit();
}

} // namespace attnscope
