// SPDX-License-Identifier: GPL-3.0-or-later
// .safetensors files: memory-mapped, listed lazily, with raw access for weights and a writer for float32 tensors.
#pragma once

#include "core/io/array_file.h"
#include "core/io/mapped_file.h"

#include <unordered_map>

namespace attnscope {

/// One tensor in a mapped file, borrowed: valid as long as the SafetensorsFile it came from.
struct RawTensor {
    DType dtype = DType::Other;
    std::vector<Index> shape;
    const std::byte* data = nullptr; ///< little-endian, C order; files of others need not be aligned (see isAligned)
    std::size_t bytes = 0;

    Index size() const; ///< elements
    bool isAligned() const { return dtype != DType::Other && reinterpret_cast<std::uintptr_t>(data) % bytesOf(dtype) == 0; }
};

class SafetensorsFile : public ArrayFile {
public:
    /// Checks the whole header first: length (at most 100 MB), JSON, shapes, offsets without overlap or hole.
    static Result<std::shared_ptr<const SafetensorsFile>> open(const std::filesystem::path& path);

    const std::vector<ArrayInfo>& arrays() const override { return m_arrays; }
    const std::map<std::string, std::string>& metadata() const override { return m_metadata; }
    Result<void> readInto(std::size_t index, std::span<float> out) const override;

    const std::filesystem::path& path() const { return m_path; }

    /// As MappedFile::checkWhole: ask before each long use of what raw() gave.
    Result<void> checkWhole() const { return m_file.checkWhole(m_path); }
    bool contains(const std::string& name) const { return m_byName.contains(name); }

    /// Without copying. Parse, naming the tensor and the file, where there is none of that name.
    Result<RawTensor> raw(const std::string& name) const;

private:
    SafetensorsFile(std::filesystem::path path, MappedFile file) : m_path(std::move(path)), m_file(std::move(file)) {}

    RawTensor rawAt(std::size_t index) const;

    std::filesystem::path m_path;
    MappedFile m_file;
    std::size_t m_dataStart = 0;
    std::vector<ArrayInfo> m_arrays;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> m_extents;
    std::map<std::string, std::string> m_metadata;
    std::unordered_map<std::string, std::size_t> m_byName;
};

/// A float32 array to write, borrowed.
struct NamedArray {
    std::string name;
    std::vector<Index> shape;
    std::span<const float> values;
};

/// Writes F32 tensors in the given order, data aligned to 8 bytes; whole or not at all.
Result<void> writeSafetensors(const std::filesystem::path& path, const std::vector<NamedArray>& arrays,
                              const std::map<std::string, std::string>& metadata = {});

} // namespace attnscope
