// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/open_input.h"

#include "core/inputs/text_file.h"
#include "core/io/array_file.h"
#include "core/io/file_error.h"
#include "core/io/mapped_file.h"
#include "core/model/text_document.h"

#include <algorithm>
#include <cctype>

namespace attnscope {

namespace {

constexpr const char* whatCanBeOpened = "Attnscope opens tensors (.safetensors, .npz, .npy) and plain UTF-8 text.";
constexpr std::size_t sampledBytes = 65536;

std::string lowerExtension(const std::filesystem::path& path)
{
    std::string text = path.extension().string();
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// Formats that people have and that can be converted.
Error unknownFormat(const std::filesystem::path& path)
{
    const std::string extension = lowerExtension(path);
    if (extension == ".pt" || extension == ".pth" || extension == ".bin" || extension == ".pkl" || extension == ".ckpt")
        return {Errc::Unsupported, quoted(path) + " looks like a Python pickle, which can run code when it is read.",
                "Save the tensors with safetensors.torch.save_file instead."};
    if (extension == ".gguf" || extension == ".onnx" || extension == ".h5" || extension == ".hdf5")
        return {Errc::Unsupported, "The format " + extension + " of " + quoted(path) + " can't be opened.", whatCanBeOpened};
    return {Errc::Unsupported, "The file " + quoted(path) + " is neither text nor tensors in a format known here.", whatCanBeOpened};
}

/// Text, to judge by its beginning; errors further on are found, and located, when it is read.
bool looksLikeText(std::string_view start)
{
    if (start.find('\0') != std::string_view::npos)
        return false;
    const auto bad = findInvalidUtf8(start);
    const auto control = std::count_if(start.begin(), start.end(), [](unsigned char c) { return c < 9 || (c > 13 && c < 27); });
    return bad == std::string_view::npos || (control == 0 && bad + 4 > start.size());
}

Result<InputKind> folderKind(const std::filesystem::path& path)
{
    std::error_code ignored;
    if (std::filesystem::exists(path / "config.json", ignored))
        return InputKind::ModelFolder;
    return Error{Errc::Unsupported, "The folder " + quoted(path) + " holds no model: it has no config.json.",
                 "Choose a file, or the folder of a Hugging Face model together with a text."};
}

Result<std::shared_ptr<const Document>> openTextFile(const std::filesystem::path& path, const OpenOptions& options,
                                                     const RunContext& context)
{
    auto text = readTextFile(path);
    if (!text)
        return text.error();
    std::error_code ignored;
    return openText(*text, std::filesystem::absolute(path, ignored).string(), options.modelFolder, context);
}

} // namespace

Result<InputKind> inputKind(const std::filesystem::path& path)
{
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        return folderKind(path);
    const auto kind = fileKind(path);
    if (!kind)
        return kind.error();
    if (*kind == FileKind::Empty)
        return Error{Errc::Parse, "The file " + quoted(path) + " is empty.", "Choose a file that holds text or tensors."};
    if (*kind != FileKind::Other)
        return InputKind::Tensors;
    const std::string extension = lowerExtension(path);
    if (extension == ".txt" || extension == ".md")
        return InputKind::Text; // wrongly encoded, perhaps: opening says where
    const auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    const std::string_view start(reinterpret_cast<const char*>(file->bytes().data()), std::min(file->bytes().size(), sampledBytes));
    return looksLikeText(start) ? Result<InputKind>(InputKind::Text) : unknownFormat(path);
}

Result<std::shared_ptr<const Document>> openInput(const std::filesystem::path& path, const OpenOptions& options, const RunContext& context)
{
    const auto kind = inputKind(path);
    if (!kind)
        return kind.error();
    switch (*kind) {
    case InputKind::Tensors: {
        auto document = openTensors(path, options.tensors, context);
        if (!document)
            return document.error();
        return std::shared_ptr<const Document>(std::move(*document));
    }
    case InputKind::Text:
        return openTextFile(path, options, context);
    case InputKind::ModelFolder:
        break;
    }
    return Error{Errc::Unsupported, quoted(path) + " is the folder of a model, which shows nothing without a text.",
                 "Open a text file and choose this folder as its model."};
}

std::string_view inputFilePatterns() { return "*.safetensors *.npz *.npy *.txt *.md"; }

} // namespace attnscope
