// SPDX-License-Identifier: GPL-3.0-or-later
// A file mapped into memory read-only: pages are read when they are first touched.
#pragma once

#include "core/base/result.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

namespace attnscope {

class MappedFile {
public:
    /// Fails with Io for what is missing, unreadable or no regular file. An empty file maps to no bytes.
    static Result<MappedFile> open(const std::filesystem::path& path);

    MappedFile(MappedFile&& other) noexcept : m_bytes(std::exchange(other.m_bytes, {})), m_file(std::exchange(other.m_file, -1)) {}
    MappedFile& operator=(MappedFile&& other) noexcept
    {
        std::swap(m_bytes, other.m_bytes);
        std::swap(m_file, other.m_file);
        return *this;
    }
    ~MappedFile();

    std::span<const std::byte> bytes() const { return m_bytes; }

    /// Io where another program has cut the file shorter than it was when opened: touching what is missing would end this one.
    /// Ask before each long read; `path` is for the message.
    Result<void> checkWhole(const std::filesystem::path& path) const;

    /// Lets go of the memory behind `part` of bytes(), which was read and copied; it is read from the file again where it is touched.
    void release(std::span<const std::byte> part) const;

private:
    MappedFile(std::span<const std::byte> bytes, int file) : m_bytes(bytes), m_file(file) {}

    std::span<const std::byte> m_bytes;
    int m_file = -1; ///< kept open to ask for its size
};

} // namespace attnscope
