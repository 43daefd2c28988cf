// SPDX-License-Identifier: GPL-3.0-or-later
// The small arrays of tests/golden, as other people's code gave them.
#pragma once

#include "core/base/tensor.h"
#include "core/io/array_file.h"

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

} // namespace attnscope::tests
