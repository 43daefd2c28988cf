// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/array_file.h"

#include "core/io/file_error.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "core/io/safetensors.h"

#include <algorithm>

namespace attnscope {

Index ArrayInfo::size() const
{
    Index product = 1;
    for (const Index extent : shape) {
        if (extent == 0)
            return 0;
        if (__builtin_mul_overflow(product, extent, &product))
            product = 0; // only where a later extent is 0, as readers have checked
    }
    return product;
}

const ArrayInfo* ArrayFile::find(std::string_view name) const
{
    for (const auto& array : arrays())
        if (array.name == name)
            return &array;
    return nullptr;
}

std::string shapeText(std::span<const Index> shape)
{
    std::string text;
    for (const Index extent : shape)
        text += (text.empty() ? "" : ", ") + std::to_string(extent);
    return "[" + text + "]";
}

Error unusableDType(const ArrayInfo& array, const std::filesystem::path& path)
{
    const std::string subject = (array.name.empty() ? "The array" : "The array \"" + array.name + "\"") + " in " + quoted(path);
    if (array.dtypeName == "object")
        return {Errc::Unsupported, subject + " holds Python objects: it is a Python pickle, which can run code when it is read.",
                "Save it again as numbers, for example with array.astype(numpy.float32)."};
    if (array.dtypeName == "uint16")
        return {Errc::Unsupported, subject + " holds uint16 values.",
                "If they are the bits of bfloat16 numbers, save them with safetensors."};
    return {Errc::Unsupported, subject + " holds " + array.dtypeName + " values.",
            "Convert it to float16, bfloat16, float32 or float64 first."};
}

Error tooLarge(const ArrayInfo& array, const std::filesystem::path& path)
{
    const std::string subject = (array.name.empty() ? "The array" : "The array \"" + array.name + "\"") + " in " + quoted(path);
    return {Errc::OutOfMemory, subject + ", " + shapeText(array.shape) + ", doesn't fit into memory.",
            "Save fewer heads or fewer tokens, or use a machine with more memory."};
}

Result<FileKind> fileKind(const std::filesystem::path& path)
{
    const auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    const auto bytes = file->bytes();
    const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 9));
    if (start.empty())
        return FileKind::Empty;
    if (start.starts_with("\x93NUMPY"))
        return FileKind::Npy;
    if (start.starts_with("PK\3\4") || start.starts_with("PK\5\6"))
        return FileKind::Npz;
    if (path.extension() == ".safetensors" || (start.size() == 9 && start[8] == '{' && start[7] == '\0'))
        return FileKind::Safetensors;
    if (path.extension() == ".npy" || path.extension() == ".npz") // damaged: opening says how
        return path.extension() == ".npy" ? FileKind::Npy : FileKind::Npz;
    return FileKind::Other;
}

Result<std::shared_ptr<const ArrayFile>> openArrays(const std::filesystem::path& path)
{
    const auto kind = fileKind(path);
    if (!kind)
        return kind.error();
    switch (*kind) {
    case FileKind::Npy:
        return openNpy(path);
    case FileKind::Npz:
        return openNpz(path);
    case FileKind::Safetensors: {
        auto file = SafetensorsFile::open(path);
        if (!file)
            return file.error();
        return std::shared_ptr<const ArrayFile>(std::move(*file));
    }
    case FileKind::Empty:
        return Error{Errc::Parse, "The file " + quoted(path) + " is empty.", "Choose a file that holds tensors."};
    case FileKind::Other:
        break;
    }
    return Error{Errc::Unsupported, "The file " + quoted(path) + " holds no tensors in a format known here.",
                 "Save them as .safetensors, .npz or .npy."};
}

} // namespace attnscope
