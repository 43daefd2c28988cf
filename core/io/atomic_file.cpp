// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/atomic_file.h"

#include "core/io/file_error.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace attnscope {

namespace {

constexpr std::size_t bufferBytes = std::size_t{1} << 16;

/// 0, or errno of the first failure.
int writeAll(int file, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

/// Creates a file of a new name beside `target`, with the permissions that the umask gives; -1 and errno where that fails.
int createBeside(const std::filesystem::path& target, std::filesystem::path& temporary)
{
    static std::atomic<unsigned> counter{0};
    const std::string stem = "." + target.filename().string().substr(0, 200) + "." + std::to_string(getpid()) + ".";
    for (int attempt = 0; attempt < 100; ++attempt) {
        temporary = target.parent_path() / (stem + std::to_string(counter++) + ".tmp");
        const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

} // namespace

AtomicFile::AtomicFile(std::filesystem::path path, std::filesystem::path temporary, int file)
    : m_path(std::move(path)), m_temporary(std::move(temporary)), m_file(file)
{
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : m_path(std::move(other.m_path)),
      m_temporary(std::exchange(other.m_temporary, {})),
      m_buffer(std::move(other.m_buffer)),
      m_file(std::exchange(other.m_file, -1))
{
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path)
{
    std::error_code ignored;
    std::filesystem::path target = path;
    if (std::filesystem::is_symlink(path, ignored)) { // write what the link points to, keep the link
        const auto resolved = std::filesystem::weakly_canonical(path, ignored);
        if (!ignored)
            target = resolved;
    }
    if (path.filename().empty() || std::filesystem::is_directory(target, ignored))
        return writeError(path, EISDIR);
    if (std::filesystem::exists(target, ignored) && !std::filesystem::is_regular_file(target, ignored))
        return Error{Errc::Io, quoted(path) + " is a device or a pipe, not a file.", "Choose the name of an ordinary file."};
    std::filesystem::path temporary;
    const int file = createBeside(target, temporary);
    if (file < 0)
        return writeError(path, errno);
    return AtomicFile(target, temporary, file);
}

AtomicFile::~AtomicFile()
{
    if (!m_temporary.empty())
        fail(0);
}

Error AtomicFile::fail(int code)
{
    if (m_file >= 0)
        ::close(std::exchange(m_file, -1));
    if (!m_temporary.empty())
        ::unlink(std::exchange(m_temporary, {}).c_str());
    return writeError(m_path, code);
}

Result<void> AtomicFile::flush()
{
    if (m_file < 0)
        return writeError(m_path, EBADF);
    if (const int code = writeAll(m_file, m_buffer); code != 0)
        return fail(code);
    m_buffer.clear();
    return {};
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes)
{
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (m_buffer.size() + text.size() > bufferBytes)
        if (auto flushed = flush(); !flushed)
            return flushed;
    if (text.size() <= bufferBytes) {
        m_buffer.append(text);
        return {};
    }
    if (m_file < 0)
        return writeError(m_path, EBADF);
    if (const int code = writeAll(m_file, text); code != 0)
        return fail(code);
    return {};
}

Result<void> AtomicFile::commit()
{
    if (auto flushed = flush(); !flushed)
        return flushed;
    struct stat before {};
    if (::stat(m_path.c_str(), &before) == 0 && fchmod(m_file, before.st_mode & 07777) != 0)
        return fail(errno);
    if (fsync(m_file) != 0)
        return fail(errno);
    if (::close(std::exchange(m_file, -1)) != 0 || ::rename(m_temporary.c_str(), m_path.c_str()) != 0)
        return fail(errno);
    m_temporary.clear();
    return {};
}

Result<void> writeAtomically(const std::filesystem::path& path, std::string_view content)
{
    auto file = AtomicFile::create(path);
    if (!file)
        return file.error();
    if (auto written = file->write(content); !written)
        return written;
    return file->commit();
}

} // namespace attnscope
