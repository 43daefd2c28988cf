// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/dtype.h"

#include "core/base/half.h"

#include <bit>
#include <cstring>

namespace attnscope {

static_assert(std::endian::native == std::endian::little, "array files are read as little-endian");

namespace {

template <class Stored, class Convert>
void convertEach(const std::byte* from, std::size_t count, float* to, Convert convert)
{
    for (std::size_t i = 0; i < count; ++i) {
        Stored value;
        std::memcpy(&value, from + i * sizeof(Stored), sizeof(Stored));
        to[i] = convert(value);
    }
}

} // namespace

std::size_t bytesOf(DType dtype)
{
    switch (dtype) {
    case DType::F16:
    case DType::BF16:
        return 2;
    case DType::F32:
        return 4;
    case DType::F64:
        return 8;
    case DType::Other:
        break;
    }
    return 0;
}

const char* titleOf(DType dtype)
{
    switch (dtype) {
    case DType::F16:
        return "float16";
    case DType::BF16:
        return "bfloat16";
    case DType::F32:
        return "float32";
    case DType::F64:
        return "float64";
    case DType::Other:
        break;
    }
    return "other";
}

void convertToFloat32(DType dtype, const std::byte* from, std::size_t count, float* to)
{
    switch (dtype) {
    case DType::F16:
        convertEach<std::uint16_t>(from, count, to, floatFromHalf);
        break;
    case DType::BF16:
        convertEach<std::uint16_t>(from, count, to, floatFromBfloat16);
        break;
    case DType::F32:
        if (count > 0)
            std::memcpy(to, from, count * sizeof(float));
        break;
    case DType::F64:
        convertEach<double>(from, count, to, [](double value) { return static_cast<float>(value); });
        break;
    case DType::Other:
        break;
    }
}

} // namespace attnscope
