// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/npy.h"

#include "core/io/file_error.h"
#include "core/io/mapped_file.h"

#include <new>

namespace attnscope {

namespace {

class NpyFile : public ArrayFile {
public:
    NpyFile(std::filesystem::path path, MappedFile file, NpyHeader header)
        : m_path(std::move(path)), m_file(std::move(file)), m_header(std::move(header)), m_arrays{m_header.info}
    {
    }

    const std::vector<ArrayInfo>& arrays() const override { return m_arrays; }
    const std::map<std::string, std::string>& metadata() const override { return m_metadata; }

    Result<void> readInto(std::size_t, std::span<float> out) const override
    {
        if (m_header.info.dtype == DType::Other)
            return unusableDType(m_header.info, m_path);
        if (auto whole = m_file.checkWhole(m_path); !whole)
            return whole;
        const std::byte* data = m_file.bytes().data() + m_header.headerBytes;
        if (!m_header.fortranOrder) {
            decodeNpy(m_header, data, out.size(), out.data());
            m_file.release(m_file.bytes()); // else a long input would be held twice
            return {};
        }
        try {
            std::vector<float> columns(out.size());
            decodeNpy(m_header, data, columns.size(), columns.data());
            reorderFromFortran(m_header.info.shape, columns, out);
        } catch (const std::bad_alloc&) {
            return tooLarge(m_header.info, m_path);
        }
        return {};
    }

private:
    std::filesystem::path m_path;
    MappedFile m_file;
    NpyHeader m_header;
    std::vector<ArrayInfo> m_arrays;
    std::map<std::string, std::string> m_metadata;
};

} // namespace

Result<std::shared_ptr<const ArrayFile>> openNpy(const std::filesystem::path& path, const NpyReading& reading)
{
    auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    const auto bytes = file->bytes();
    auto header = parseNpyHeader(bytes, reading);
    if (!header)
        return parseError(path, header.error().what, header.error().hint);
    const std::uint64_t present = bytes.size() - header->headerBytes;
    if (header->dataBytes > present)
        return parseError(path,
                          "is cut off: its header promises " + std::to_string(header->dataBytes) + " bytes of data, there are only " +
                              std::to_string(present),
                          "Copy or save the array again.");
    return std::shared_ptr<const ArrayFile>(std::make_shared<NpyFile>(path, std::move(*file), std::move(*header)));
}

Result<NpyWriter> NpyWriter::create(const std::filesystem::path& path, std::vector<Index> shape)
{
    auto file = AtomicFile::create(path);
    if (!file)
        return file.error();
    if (auto written = file->write(makeNpyHeader(shape)); !written)
        return written.error();
    std::uint64_t size = 1;
    for (const Index extent : shape)
        size *= static_cast<std::uint64_t>(extent);
    return NpyWriter(std::move(*file), size, std::move(shape));
}

Result<void> NpyWriter::write(std::span<const float> values)
{
    m_missing -= values.size(); // too many wrap around and are caught by commit()
    return m_file.write(std::as_bytes(values));
}

Result<void> NpyWriter::commit()
{
    if (m_missing != 0)
        return Error{Errc::InvalidShape, "The array can't be written: its values don't fill its shape " + shapeText(m_shape) + ".",
                     "Please report this as a fault of the program."};
    return m_file.commit();
}

Result<void> writeNpy(const std::filesystem::path& path, std::span<const Index> shape, std::span<const float> values)
{
    auto writer = NpyWriter::create(path, {shape.begin(), shape.end()});
    if (!writer)
        return writer.error();
    if (auto written = writer->write(values); !written)
        return written;
    return writer->commit();
}

} // namespace attnscope
