// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/param_files.h"

#include "core/io/array_file.h"
#include "core/io/file_error.h"

#include <algorithm>
#include <cmath>
#include <new>

namespace attnscope {

namespace {

constexpr Index mostElements = Index{1} << 28; // 1 GiB of float32: E and F of Linformer need far less

Result<std::size_t> pick(const ArrayFile& file, const std::string& key, const std::filesystem::path& path)
{
    if (file.arrays().size() == 1)
        return std::size_t{0};
    const auto* found = file.find(key);
    if (found == nullptr)
        return Error{Errc::Parse, "The file " + quoted(path) + " holds several arrays, none named \"" + key + "\".",
                     "Give a file with one array, or one named " + key + "."};
    return static_cast<std::size_t>(found - file.arrays().data());
}

Result<std::shared_ptr<const Tensor>> loadMatrix(const std::string& key, const std::filesystem::path& path)
{
    const auto file = openArrays(path);
    if (!file)
        return file.error();
    const auto at = pick(**file, key, path);
    if (!at)
        return at.error();
    const auto& array = (*file)->arrays()[*at];
    const auto& shape = array.shape;
    if ((shape.size() != 2 && shape.size() != 3) || array.size() == 0)
        return Error{Errc::InvalidShape, "The array for " + key + " in " + quoted(path) + " is " + shapeText(shape) + ".",
                     "Save it as [rows, columns] or [heads, rows, columns]."};
    if (array.size() > mostElements)
        return tooLarge(array, path);
    try {
        const bool perHead = shape.size() == 3;
        auto tensor = std::make_shared<Tensor>(1, perHead ? shape[0] : 1, shape[perHead ? 1 : 0], shape[perHead ? 2 : 1]);
        if (auto read = (*file)->readInto(*at, tensor->values()); !read)
            return read.error();
        if (!std::all_of(tensor->values().begin(), tensor->values().end(), [](float x) { return std::isfinite(x); }))
            return Error{Errc::InvalidParam, "The array for " + key + " in " + quoted(path) + " holds NaN or infinity.", "Clean it first."};
        return std::shared_ptr<const Tensor>(std::move(tensor));
    } catch (const std::bad_alloc&) {
        return tooLarge(array, path);
    }
}

} // namespace

Result<void> loadParamFiles(const std::vector<ParamSpec>& specs, Params& params)
{
    for (const auto& spec : specs) {
        if (spec.kind != ParamKind::File || params.text(spec.key).empty())
            continue;
        auto tensor = loadMatrix(spec.key, params.text(spec.key));
        if (!tensor)
            return tensor.error();
        params.tensors[spec.key] = std::move(*tensor);
    }
    return {};
}

} // namespace attnscope
