// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/npz.h"

#include "core/io/file_error.h"
#include "core/io/zip_archive.h"

#include <algorithm>
#include <new>

namespace attnscope {

namespace {

constexpr std::uint64_t chunkBytes = std::uint64_t{1} << 20; // a multiple of every element size
constexpr std::uint64_t harmlessBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t mostRatio = 200; // real arrays of floats shrink 1.1 to 20 times; deflate's limit, met by bombs, is 1032

struct NpzEntry {
    ZipEntry zip;
    NpyHeader header;
};

/// Damaged or hostile in what can be seen without inflating the data?
Result<void> checkEntry(const NpzEntry& entry)
{
    const std::string name = "\"" + entry.zip.name + "\"";
    if (entry.zip.bytes > harmlessBytes && entry.zip.bytes / mostRatio > entry.zip.packedBytes)
        return Error{Errc::Parse,
                     "holds " + name + ", which would grow from " + std::to_string(entry.zip.packedBytes) + " to " +
                         std::to_string(entry.zip.bytes) + " bytes: it looks like a zip bomb",
                     "Save the array as .npy or .safetensors if it is really yours."};
    if (entry.header.itemBytes > 0 && entry.header.headerBytes + entry.header.dataBytes != entry.zip.bytes)
        return Error{Errc::Parse,
                     "holds " + name + ", whose header promises " + std::to_string(entry.header.dataBytes) +
                         " bytes of data while the archive declares " + std::to_string(entry.zip.bytes),
                     "The archive is damaged or not to be trusted; save it again."};
    return {};
}

/// The first bytes of an entry, enough for its header.
Result<NpyHeader> readHeader(const ZipArchive& archive, const ZipEntry& entry, const NpyReading& reading)
{
    auto stream = archive.stream(entry);
    if (!stream)
        return stream.error();
    std::vector<std::byte> start(static_cast<std::size_t>(std::min<std::uint64_t>(entry.bytes, 4096)));
    auto count = stream->read(start);
    if (!count)
        return count.error();
    start.resize(*count);
    auto header = parseNpyHeader(start, reading);
    if (header || *count < 4096)
        return header;
    start.resize(static_cast<std::size_t>(std::min<std::uint64_t>(entry.bytes, mostNpyHeaderBytes))); // a long header: read on
    count = stream->read(std::span(start).subspan(4096));
    if (!count)
        return count.error();
    return parseNpyHeader(std::span<const std::byte>(start).first(4096 + *count), reading);
}

/// The data of one entry in the file's order.
Result<void> inflate(const ZipArchive& archive, const NpzEntry& entry, std::span<float> out)
{
    auto stream = archive.stream(entry.zip);
    if (!stream)
        return stream.error();
    const Error cutOff{Errc::Parse, "holds \"" + entry.zip.name + "\", whose data have another length than declared",
                       "The archive is damaged or not to be trusted; save it again."};
    std::vector<std::byte> buffer(static_cast<std::size_t>(std::max(chunkBytes, entry.header.headerBytes)));
    auto skipped = stream->read(std::span(buffer).first(static_cast<std::size_t>(entry.header.headerBytes)));
    if (!skipped)
        return skipped.error();
    const std::size_t perChunk = chunkBytes / entry.header.itemBytes;
    for (std::size_t done = 0; done < out.size();) {
        const std::size_t count = std::min(perChunk, out.size() - done);
        const std::size_t bytes = count * entry.header.itemBytes;
        const auto got = stream->read(std::span(buffer).first(bytes));
        if (!got)
            return got.error();
        if (*got != bytes)
            return cutOff;
        decodeNpy(entry.header, buffer.data(), count, out.data() + done);
        done += count;
    }
    const auto beyond = stream->read(std::span(buffer).first(1)); // also makes libzip compare the checksum
    if (!beyond)
        return beyond.error();
    if (*beyond != 0)
        return cutOff;
    return {};
}

class NpzFile : public ArrayFile {
public:
    NpzFile(std::filesystem::path path, std::vector<NpzEntry> entries) : m_path(std::move(path)), m_entries(std::move(entries))
    {
        for (const auto& entry : m_entries)
            m_arrays.push_back(entry.header.info);
    }

    const std::vector<ArrayInfo>& arrays() const override { return m_arrays; }
    const std::map<std::string, std::string>& metadata() const override { return m_metadata; }

    Result<void> readInto(std::size_t index, std::span<float> out) const override
    {
        const auto& entry = m_entries[index];
        if (entry.header.info.dtype == DType::Other)
            return unusableDType(entry.header.info, m_path);
        const auto archive = ZipArchive::open(m_path);
        if (!archive)
            return archive.error();
        try {
            return entry.header.fortranOrder ? readColumns(*archive, entry, out) : completed(inflate(*archive, entry, out));
        } catch (const std::bad_alloc&) {
            return tooLarge(entry.header.info, m_path);
        }
    }

private:
    Result<void> readColumns(const ZipArchive& archive, const NpzEntry& entry, std::span<float> out) const
    {
        std::vector<float> columns(out.size());
        auto done = completed(inflate(archive, entry, columns));
        if (done)
            reorderFromFortran(entry.header.info.shape, columns, out);
        return done;
    }

    Result<void> completed(const Result<void>& result) const
    {
        return result ? result : parseError(m_path, result.error().what, result.error().hint);
    }

    std::filesystem::path m_path;
    std::vector<NpzEntry> m_entries;
    std::vector<ArrayInfo> m_arrays;
    std::map<std::string, std::string> m_metadata;
};

} // namespace

Result<std::shared_ptr<const ArrayFile>> openNpz(const std::filesystem::path& path, const NpyReading& reading)
{
    const auto archive = ZipArchive::open(path);
    if (!archive)
        return archive.error();
    std::vector<NpzEntry> entries;
    for (const auto& zipEntry : archive->entries()) {
        if (zipEntry.name.ends_with("data.pkl"))
            return Error{Errc::Unsupported,
                         quoted(path) + " is a PyTorch file, which holds a Python pickle that can run code when it is read.",
                         "Save the tensors with safetensors.torch.save_file instead."};
        if (!zipEntry.name.ends_with(".npy"))
            continue;
        auto header = readHeader(*archive, zipEntry, reading);
        if (!header)
            return parseError(path, header.error().what, header.error().hint);
        header->info.name = zipEntry.name.substr(0, zipEntry.name.size() - 4);
        entries.push_back({zipEntry, std::move(*header)});
        if (auto fits = checkEntry(entries.back()); !fits)
            return parseError(path, fits.error().what, fits.error().hint);
    }
    if (entries.empty())
        return Error{Errc::Unsupported, "The archive " + quoted(path) + " holds no NumPy arrays.", "Choose a file made by numpy.savez."};
    return std::shared_ptr<const ArrayFile>(std::make_shared<NpzFile>(path, std::move(entries)));
}

} // namespace attnscope
