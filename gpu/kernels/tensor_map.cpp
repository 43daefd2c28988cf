// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/kernels/tensor_map.h"

#include "gpu/kernels/tensor_slice_map.h"

namespace attnscope::kernels {

namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

/// From the driver that is there, so that the program links without one.
Encode findEncode()
{
    void* found = nullptr;
    cudaDriverEntryPointQueryResult result{};
    if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result) != cudaSuccess ||
        result != cudaDriverEntryPointSuccess)
        return nullptr;
    return reinterpret_cast<Encode>(found);
}

cudaError_t makeMap(CUtensorMap& map, const void* data, bool isHalf, Index heads, Index rows, Index columns, int boxRows, int boxColumns)
{
    static const Encode encode = findEncode();
    if (encode == nullptr)
        return cudaErrorNotSupported;
    const auto size = [](Index x) { return static_cast<cuuint64_t>(x); };
    const cuuint64_t sizes[3] = {size(columns), size(rows), size(heads)};
    const cuuint64_t strides[2] = {size(columns * 2), size(rows * columns * 2)};
    const cuuint32_t box[3] = {static_cast<cuuint32_t>(boxColumns), static_cast<cuuint32_t>(boxRows), 1};
    const cuuint32_t steps[3] = {1, 1, 1};
    const auto type = isHalf ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    const auto swizzle = boxColumns == 64 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_32B;
    const auto status = encode(&map, type, 3, const_cast<void*>(data), sizes, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
                               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    return status == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

} // namespace

cudaError_t makeTensorMap(CUtensorMap& map, const void* data, bool isHalf, Index heads, Index rows, Index columns, int boxRows)
{
    return makeMap(map, data, isHalf, heads, rows, columns, boxRows, 64);
}

cudaError_t makeSliceMap(CUtensorMap& map, const void* data, bool isHalf, Index heads, Index rows, Index columns, int boxRows)
{
    return makeMap(map, data, isHalf, heads, rows, columns, boxRows, 16);
}

} // namespace attnscope::kernels
