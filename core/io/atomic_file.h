// SPDX-License-Identifier: GPL-3.0-or-later
// A file that appears whole or not at all: written under a temporary name beside its place, then renamed.
#pragma once

#include "core/base/result.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace attnscope {

/// Until commit() has succeeded, what was at the path before is untouched; without a commit the temporary file is removed.
class AtomicFile {
public:
    /// Creates the temporary file; Io where the folder is missing or not writable, or the path is a folder.
    static Result<AtomicFile> create(const std::filesystem::path& path);

    AtomicFile(AtomicFile&& other) noexcept;
    AtomicFile& operator=(AtomicFile&& other) = delete;
    ~AtomicFile();

    Result<void> write(std::span<const std::byte> bytes);
    Result<void> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

    /// Brings the bytes to the disk and gives the file its name. Call once, last.
    Result<void> commit();

    /// Where the bytes are until commit(), for libraries that write to a path of their own.
    const std::filesystem::path& temporaryPath() const { return m_temporary; }

private:
    AtomicFile(std::filesystem::path path, std::filesystem::path temporary, int file);

    Result<void> flush();
    Error fail(int code); // removes the temporary file

    std::filesystem::path m_path;
    std::filesystem::path m_temporary;
    std::string m_buffer;
    int m_file = -1;
};

/// The whole content at once.
Result<void> writeAtomically(const std::filesystem::path& path, std::string_view content);

} // namespace attnscope
