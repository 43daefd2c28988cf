// SPDX-License-Identifier: GPL-3.0-or-later
// .npy files: one array each, read through a mapping and written row by row.
#pragma once

#include "core/io/atomic_file.h"
#include "core/io/npy_header.h"

namespace attnscope {

/// f2, f4, f8 and bfloat16, either byte order, C or Fortran order. Promised bytes that the file lacks are a Parse error before
/// anything is allocated; an array of Python objects is listed, and refused when read.
Result<std::shared_ptr<const ArrayFile>> openNpy(const std::filesystem::path& path, const NpyReading& reading = {});

/// Writes a float32 array of any rank piece by piece; the file appears at commit().
class NpyWriter {
public:
    static Result<NpyWriter> create(const std::filesystem::path& path, std::vector<Index> shape);

    Result<void> write(std::span<const float> values); ///< the next ones in C order
    Result<void> commit();                             ///< InvalidShape unless exactly as many as the shape has were written

private:
    NpyWriter(AtomicFile file, std::uint64_t missing, std::vector<Index> shape)
        : m_file(std::move(file)), m_missing(missing), m_shape(std::move(shape))
    {
    }

    AtomicFile m_file;
    std::uint64_t m_missing;
    std::vector<Index> m_shape;
};

/// The whole array at once.
Result<void> writeNpy(const std::filesystem::path& path, std::span<const Index> shape, std::span<const float> values);

} // namespace attnscope
