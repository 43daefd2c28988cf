// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_method.h"

#include "gpu/methods/table_generated.h"

namespace attnscope {

const CudaMethod* findCudaMethod(std::string_view id)
{
    static const auto rows = cuda_methods::all();
    for (const auto& row : rows)
        if (row.id == id)
            return &row;
    return nullptr;
}

} // namespace attnscope
