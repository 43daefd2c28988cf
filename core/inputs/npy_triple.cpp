// SPDX-License-Identifier: GPL-3.0-or-later
// q, k, v from .npy files, which hold one array each.
#include "core/inputs/array_set.h"
#include "core/io/file_error.h"

#include <algorithm>
#include <new>

namespace attnscope {

namespace {

/// q, k, v along the first axis of one array.
class StackedArrays : public ArrayFile {
public:
    StackedArrays(std::shared_ptr<const ArrayFile> file, std::filesystem::path path) : m_file(std::move(file)), m_path(std::move(path))
    {
        ArrayInfo part = m_file->arrays().front();
        part.shape.erase(part.shape.begin());
        for (const char* name : {"q", "k", "v"}) {
            part.name = name;
            m_arrays.push_back(part);
        }
    }

    const std::vector<ArrayInfo>& arrays() const override { return m_arrays; }
    const std::map<std::string, std::string>& metadata() const override { return m_file->metadata(); }

    Result<void> readInto(std::size_t index, std::span<float> out) const override
    {
        try {
            std::vector<float> all(static_cast<std::size_t>(m_file->arrays().front().size()));
            auto read = m_file->readInto(0, all);
            if (read)
                std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(index * out.size()), out.size(), out.begin());
            return read;
        } catch (const std::bad_alloc&) {
            return tooLarge(m_file->arrays().front(), m_path);
        }
    }

private:
    std::shared_ptr<const ArrayFile> m_file;
    std::filesystem::path m_path;
    std::vector<ArrayInfo> m_arrays;
};

/// One array from each of three files.
class SiblingArrays : public ArrayFile {
public:
    explicit SiblingArrays(std::vector<std::shared_ptr<const ArrayFile>> files) : m_files(std::move(files))
    {
        for (std::size_t i = 0; i < m_files.size(); ++i) {
            m_arrays.push_back(m_files[i]->arrays().front());
            m_arrays.back().name = std::string(1, "qkv"[i]);
        }
    }

    const std::vector<ArrayInfo>& arrays() const override { return m_arrays; }
    const std::map<std::string, std::string>& metadata() const override { return m_files.front()->metadata(); }
    Result<void> readInto(std::size_t index, std::span<float> out) const override { return m_files[index]->readInto(0, out); }

private:
    std::vector<std::shared_ptr<const ArrayFile>> m_files;
    std::vector<ArrayInfo> m_arrays;
};

/// "run_q.npy" -> "run_k.npy" for part 1; empty where the name doesn't end in q, k or v as a word of its own.
std::filesystem::path sibling(const std::filesystem::path& path, std::size_t part)
{
    std::string stem = path.stem().string();
    const auto letter = stem.empty() ? std::string::npos : std::string_view("qkvQKV").find(stem.back());
    const bool alone =
        stem.size() == 1 || (stem.size() > 1 && std::string_view("_-. ").find(stem[stem.size() - 2]) != std::string_view::npos);
    if (letter == std::string::npos || !alone)
        return {};
    stem.back() = "qkvQKV"[letter / 3 * 3 + part];
    return path.parent_path() / (stem + path.extension().string());
}

} // namespace

Result<std::shared_ptr<const ArrayFile>> openNpyTriple(const std::filesystem::path& path)
{
    auto file = openArrays(path);
    if (!file)
        return file;
    const auto& only = (*file)->arrays().front();
    if (only.dtype == DType::Other)
        return unusableDType(only, path);
    if (!sibling(path, 0).empty()) {
        std::vector<std::shared_ptr<const ArrayFile>> files;
        for (std::size_t part = 0; part < 3; ++part) {
            auto other = openArrays(sibling(path, part));
            if (!other)
                return Error{other.error().code, other.error().what,
                             "q, k and v belong side by side, as q.npy, k.npy and v.npy, or into one .npz."};
            files.push_back(*other);
        }
        return std::shared_ptr<const ArrayFile>(std::make_shared<SiblingArrays>(std::move(files)));
    }
    if (only.shape.size() >= 3 && only.shape.front() == 3)
        return std::shared_ptr<const ArrayFile>(std::make_shared<StackedArrays>(*file, path));
    return Error{Errc::InvalidShape, "The file " + quoted(path) + " holds one array, " + shapeText(only.shape) + ", not q, k and v.",
                 "Save them as q.npy, k.npy and v.npy side by side, stacked as [3, ...], or in one .npz or .safetensors."};
}

} // namespace attnscope
