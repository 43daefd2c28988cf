// SPDX-License-Identifier: GPL-3.0-or-later
// The small arrays of tests/golden, as other people's code gave them.
#pragma once

#include "core/base/tensor.h"
#include "core/io/array_file.h"
#include "test_paths.h"

#include <string>
#include <utility>

namespace attnscope::tests {

/// tests/golden/methods/<name>.npy, [rows, cols] or [heads, rows, cols], as a tensor of one batch; empty where it can't be read.
inline Tensor golden(const std::string& name)
{
    const auto file = openArrays(std::string(ATTNSCOPE_SOURCE_DIR) + "/tests/golden/methods/" + name + ".npy");
    if (!file)
        return {};
    const auto& shape = (*file)->arrays().front().shape;
    const std::size_t last = shape.size() - 1;
    Tensor tensor(1, last == 2 ? shape[0] : 1, shape[last - 1], shape[last]);
    return (*file)->readInto(0, tensor.values()) ? std::move(tensor) : Tensor();
}

/// An array of a golden file as [1, heads, tokens, width]; [heads, tokens] has width 1. Empty where it isn't there.
inline Tensor goldenArray(const ArrayFile& file, const std::string& name)
{
    const ArrayInfo* info = file.find(name);
    if (!info)
        return {};
    Tensor made(1, info->shape[0], info->shape[1], info->shape.size() > 2 ? info->shape[2] : 1);
    return file.readInto(static_cast<std::size_t>(info - file.arrays().data()), made.values()) ? std::move(made) : Tensor();
}

} // namespace attnscope::tests
