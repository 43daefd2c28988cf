// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/zip_archive.h"

#include "core/io/file_error.h"

#include <cerrno>
#include <zip.h>

namespace attnscope {

namespace {

constexpr zip_int64_t mostEntries = 65535;

Error zipError(std::string what) { return {Errc::Parse, std::move(what), "The archive is damaged; copy or save it again."}; }

} // namespace

void ZipStream::Close::operator()(zip_file* file) const { zip_fclose(file); }

void ZipArchive::Discard::operator()(zip* archive) const { zip_discard(archive); }

Result<std::size_t> ZipStream::read(std::span<std::byte> out)
{
    std::size_t done = 0;
    while (done < out.size()) {
        const zip_int64_t count = zip_fread(m_file.get(), out.data() + done, out.size() - done);
        if (count < 0)
            return zipError(std::string("can't be unpacked: ") + zip_file_strerror(m_file.get()));
        if (count == 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    return done;
}

Result<ZipArchive> ZipArchive::open(const std::filesystem::path& path)
{
    int code = 0;
    zip_t* opened = zip_open(path.c_str(), ZIP_RDONLY, &code);
    if (opened == nullptr) {
        zip_error_t details;
        zip_error_init_with_code(&details, code);
        const std::string text = zip_error_strerror(&details);
        zip_error_fini(&details);
        if (code == ZIP_ER_OPEN || code == ZIP_ER_NOENT)
            return readError(path, errno);
        return parseError(path, "is no readable zip archive: " + text, "It is damaged or cut off; copy or save it again.");
    }
    ZipArchive archive(opened);
    const zip_int64_t count = zip_get_num_entries(opened, 0);
    if (count > mostEntries)
        return parseError(path, "holds more than 65,535 entries", "Save fewer arrays in one file.");
    for (zip_int64_t i = 0; i < count; ++i) {
        zip_stat_t status;
        const auto index = static_cast<zip_uint64_t>(i);
        constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
        if (zip_stat_index(opened, index, 0, &status) != 0 || (status.valid & needed) != needed)
            return parseError(path, "has a damaged table of contents", "Copy or save the archive again.");
        archive.m_entries.push_back({status.name, index, status.comp_size, status.size});
    }
    return archive;
}

Result<ZipStream> ZipArchive::stream(const ZipEntry& entry) const
{
    zip_file_t* file = zip_fopen_index(m_archive.get(), entry.index, 0);
    if (file == nullptr)
        return zipError("holds \"" + entry.name + "\", which can't be unpacked: " + zip_strerror(m_archive.get()));
    return ZipStream(file);
}

} // namespace attnscope
