// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/file_error.h"

#include <cerrno>
#include <system_error>

namespace attnscope {

namespace {

std::string reason(int code) { return std::generic_category().message(code); }

} // namespace

std::string quoted(const std::filesystem::path& path) { return "\"" + path.string() + "\""; }

Error readError(const std::filesystem::path& path, int code)
{
    const std::string what = "The file " + quoted(path) + " can't be read: " + reason(code) + ".";
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return {Errc::Io, "There is no file " + quoted(path) + ".", "Check the spelling of the path and the current folder."};
    case EISDIR:
        return {Errc::Io, quoted(path) + " is a folder, not a file.", "Name a file in it."};
    case EACCES:
    case EPERM:
        return {Errc::Io, what, "Give yourself permission to read it, or copy it to a folder of your own."};
    default:
        return {Errc::Io, what, "Check the disk or network share that it lies on."};
    }
}

Error writeError(const std::filesystem::path& path, int code)
{
    const std::string what = "The file " + quoted(path) + " can't be written: " + reason(code) + ".";
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return {Errc::Io, what, "Create the folder first, or check the spelling of the path."};
    case EACCES:
    case EPERM:
    case EROFS:
        return {Errc::Io, what, "Choose a folder that you may write to."};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return {Errc::Io, what, "Make room on the disk, or choose another one; nothing was left behind."};
    case EISDIR:
        return {Errc::Io, quoted(path) + " is a folder, not a file.", "Name a file in it."};
    default:
        return {Errc::Io, what, "Check the disk or network share, or choose another folder."};
    }
}

Error parseError(const std::filesystem::path& path, const std::string& problem, std::string hint)
{
    return {Errc::Parse, "The file " + quoted(path) + " " + problem + ".", std::move(hint)};
}

} // namespace attnscope
