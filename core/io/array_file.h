// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays in a file, whatever its format: listed by name without reading them, then read one by one as float32.
#pragma once

#include "core/base/result.h"
#include "core/base/shape.h"
#include "core/io/dtype.h"

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

struct ArrayInfo {
    std::string name; ///< empty for the only array of a .npy file
    std::vector<Index> shape;
    DType dtype = DType::Other;
    std::string dtypeName; ///< as people write it: "float16", "int64"

    Index size() const; ///< elements; readers have checked that it does not overflow
};

/// Immutable and thread-safe.
class ArrayFile {
public:
    virtual ~ArrayFile() = default;

    virtual const std::vector<ArrayInfo>& arrays() const = 0;

    /// Text that came with the arrays; empty for .npy and .npz.
    virtual const std::map<std::string, std::string>& metadata() const = 0;

    /// Array `index` in C order as float32; `out` has arrays()[index].size() elements. Unsupported for DType::Other.
    virtual Result<void> readInto(std::size_t index, std::span<float> out) const = 0;

    const ArrayInfo* find(std::string_view name) const; ///< null where there is none of that name
};

enum class FileKind { Npy, Npz, Safetensors, Empty, Other };

/// By the first bytes, and by the name where they say nothing; Io where the file can't be read.
Result<FileKind> fileKind(const std::filesystem::path& path);

/// .npy, .npz or .safetensors, told apart by content; anything else is Unsupported, an empty file Parse.
Result<std::shared_ptr<const ArrayFile>> openArrays(const std::filesystem::path& path);

/// The refusal of an array of DType::Other, which names it, its dtype and the file.
Error unusableDType(const ArrayInfo& array, const std::filesystem::path& path);

/// OutOfMemory: the array doesn't fit.
Error tooLarge(const ArrayInfo& array, const std::filesystem::path& path);

/// "[8, 1024, 64]"
std::string shapeText(std::span<const Index> shape);

} // namespace attnscope
