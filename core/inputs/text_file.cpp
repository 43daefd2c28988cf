// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/text_file.h"

#include "core/io/file_error.h"
#include "core/io/mapped_file.h"

#include <iostream>
#include <iterator>
#include <utf8proc.h>

namespace attnscope {

namespace {

constexpr std::size_t mostBytes = 256'000'000;
constexpr std::string_view byteOrderMark = "\xef\xbb\xbf";

Error tooLong(const std::string& origin) { return {Errc::Unsupported, origin + " is longer than 256 MB.", "Choose a part of it."}; }

} // namespace

std::size_t findInvalidUtf8(std::string_view text)
{
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    for (std::size_t at = 0; at < text.size();) {
        if (bytes[at] < 0x80) {
            ++at;
            continue;
        }
        utf8proc_int32_t codePoint = 0;
        const auto length = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &codePoint);
        if (length <= 0)
            return at;
        at += static_cast<std::size_t>(length);
    }
    return std::string_view::npos;
}

Result<std::string> checkText(std::string text, const std::string& origin)
{
    if (text.starts_with(byteOrderMark))
        text.erase(0, byteOrderMark.size());
    if (text.empty())
        return Error{Errc::Parse, origin + " is empty.", "Give at least one word."};
    if (text.size() > mostBytes)
        return tooLong(origin);
    if (const auto at = findInvalidUtf8(text); at != std::string::npos)
        return Error{Errc::Parse, origin + " is not UTF-8: the bytes at offset " + std::to_string(at) + " are no character.",
                     "Save it as UTF-8, for example with iconv -f LATIN1 -t UTF-8."};
    if (const auto at = text.find('\0'); at != std::string::npos)
        return Error{Errc::Parse, origin + " holds a zero byte at offset " + std::to_string(at) + ", so it is no plain text.",
                     "Choose a plain text file."};
    return text;
}

Result<std::string> readTextFile(const std::filesystem::path& path)
{
    const auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    const std::string origin = "The file " + quoted(path);
    if (file->bytes().size() > mostBytes)
        return tooLong(origin);
    return checkText({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()}, origin);
}

Result<std::string> readTextFromStdin()
{
    std::string text;
    char buffer[1 << 16];
    while (text.size() <= mostBytes && (std::cin.read(buffer, sizeof(buffer)) || std::cin.gcount() > 0))
        text.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
    return checkText(std::move(text), "The text on standard input");
}

} // namespace attnscope
