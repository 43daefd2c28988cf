// SPDX-License-Identifier: GPL-3.0-or-later
// The header of a .npy array (NumPy format versions 1 to 3): parsed strictly, written in version 1.
#pragma once

#include "core/io/array_file.h"

#include <cstddef>
#include <cstdint>

namespace attnscope {

struct NpyHeader {
    ArrayInfo info; ///< name is left empty
    bool fortranOrder = false;
    bool bigEndian = false;
    std::uint64_t itemBytes = 0;   ///< of one element; 0 for Python objects
    std::uint64_t headerBytes = 0; ///< where the data begin
    std::uint64_t dataBytes = 0;   ///< what shape and dtype ask for
};

/// The most bytes that parseNpyHeader ever needs to see.
inline constexpr std::uint64_t mostNpyHeaderBytes = 1'000'000;

struct NpyReading {
    bool uint16IsBfloat16 = false; ///< uint16 arrays hold the bits of bfloat16 numbers; raw 2-byte voids ("V2") always do
};

/// `start`: the first bytes of the file, all of it or at least mostNpyHeaderBytes. Errors are Parse and begin with a verb, for
/// parseError(path, ...) to complete. Sizes that overflow 64 bits are refused; whether the file has the bytes is the caller's to check.
Result<NpyHeader> parseNpyHeader(std::span<const std::byte> start, const NpyReading& reading = {});

/// Converts `count` stored elements, swapping bytes where the file is big-endian.
void decodeNpy(const NpyHeader& header, const std::byte* from, std::size_t count, float* to);

/// From the order of the columns (Fortran) to the order of the rows (C).
void reorderFromFortran(std::span<const Index> shape, std::span<const float> from, std::span<float> to);

/// Header of a little-endian float32 array in C order, padded so that the data begin at a multiple of 64.
std::string makeNpyHeader(std::span<const Index> shape);

} // namespace attnscope
