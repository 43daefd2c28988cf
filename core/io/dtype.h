// SPDX-License-Identifier: GPL-3.0-or-later
// The number formats that arrays are stored in, and their conversion to float32.
#pragma once

#include <cstddef>

namespace attnscope {

/// Other: integers, booleans, complex and packed formats, which files may hold but attention can't use.
enum class DType { F16, BF16, F32, F64, Other };

std::size_t bytesOf(DType dtype); ///< of one element; 0 for Other
const char* titleOf(DType dtype); ///< "float16", "bfloat16", ...

/// Converts `count` little-endian elements at `from`, which need not be aligned. float64 is rounded to nearest; Other writes nothing.
void convertToFloat32(DType dtype, const std::byte* from, std::size_t count, float* to);

} // namespace attnscope
