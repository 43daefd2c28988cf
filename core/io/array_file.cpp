// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/array_file.h"

#include "core/io/file_error.h"

namespace attnscope {

Index ArrayInfo::size() const
{
    Index product = 1;
    for (const Index extent : shape)
        product *= extent;
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
    const std::string subject = array.name.empty() ? "The array" : "The array \"" + array.name + "\"";
    return {Errc::Unsupported, subject + " in " + quoted(path) + " holds " + array.dtypeName + " values.",
            "Convert it to float16, bfloat16, float32 or float64 first."};
}

} // namespace attnscope
