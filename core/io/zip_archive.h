// SPDX-License-Identifier: GPL-3.0-or-later
// Reading entries of a zip archive through libzip, piece by piece.
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct zip;
struct zip_file;

namespace attnscope {

struct ZipEntry {
    std::string name;
    std::uint64_t index = 0;
    std::uint64_t packedBytes = 0;
    std::uint64_t bytes = 0; ///< as the archive declares; not to be trusted before it is read
};

/// One entry while it is inflated. Errors are Parse and begin with a verb, for parseError(path, ...) to complete.
class ZipStream {
public:
    /// At most out.size() bytes; fewer only at the end of the entry, where its checksum has been compared too.
    Result<std::size_t> read(std::span<std::byte> out);

private:
    friend class ZipArchive;
    struct Close {
        void operator()(zip_file* file) const;
    };
    explicit ZipStream(zip_file* file) : m_file(file) {}

    std::unique_ptr<zip_file, Close> m_file;
};

/// Not thread-safe: each reader opens its own.
class ZipArchive {
public:
    static Result<ZipArchive> open(const std::filesystem::path& path);

    const std::vector<ZipEntry>& entries() const { return m_entries; }
    Result<ZipStream> stream(const ZipEntry& entry) const;

private:
    struct Discard {
        void operator()(zip* archive) const;
    };
    explicit ZipArchive(zip* archive) : m_archive(archive) {}

    std::unique_ptr<zip, Discard> m_archive;
    std::vector<ZipEntry> m_entries;
};

} // namespace attnscope
