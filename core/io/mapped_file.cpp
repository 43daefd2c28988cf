// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/mapped_file.h"

#include "core/io/file_error.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace attnscope {

namespace {

Result<std::span<const std::byte>> map(int file, const std::filesystem::path& path)
{
    struct stat status {};
    if (fstat(file, &status) != 0)
        return readError(path, errno);
    if (S_ISDIR(status.st_mode))
        return readError(path, EISDIR);
    if (!S_ISREG(status.st_mode))
        return Error{Errc::Io, quoted(path) + " is a device or a pipe, not a file.", "Copy its content to a file first."};
    if (status.st_size == 0)
        return std::span<const std::byte>{};
    const auto size = static_cast<std::size_t>(status.st_size);
    void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (address == MAP_FAILED)
        return readError(path, errno);
    return std::span<const std::byte>{static_cast<const std::byte*>(address), size};
}

} // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path)
{
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // O_NONBLOCK: a pipe must not block us
    if (file < 0)
        return readError(path, errno);
    auto bytes = map(file, path);
    if (!bytes) {
        ::close(file);
        return bytes.error();
    }
    return MappedFile(*bytes, file);
}

Result<void> MappedFile::checkWhole(const std::filesystem::path& path) const
{
    struct stat status {};
    if (fstat(m_file, &status) != 0)
        return readError(path, errno);
    if (static_cast<std::uint64_t>(status.st_size) < m_bytes.size())
        return Error{Errc::Io, "The file " + quoted(path) + " was cut short by another program while it was open.",
                     "Restore the file, then open it again."};
    return {};
}

void MappedFile::release(std::span<const std::byte> part) const
{
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    auto* const data = const_cast<std::byte*>(part.data());
    const std::size_t skip = (page - reinterpret_cast<std::uintptr_t>(data) % page) % page; // to the first whole page
    if (skip < part.size())
        madvise(data + skip, (part.size() - skip) / page * page, MADV_DONTNEED); // a hint: nothing is lost where it fails
}

MappedFile::~MappedFile()
{
    if (m_file >= 0)
        ::close(m_file);
    if (!m_bytes.empty())
        munmap(const_cast<std::byte*>(m_bytes.data()), m_bytes.size());
}

} // namespace attnscope
