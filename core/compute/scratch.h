// SPDX-License-Identifier: GPL-3.0-or-later
// Aligned working memory that grows to the largest size asked for and stays, so that loops don't allocate.
#pragma once

#include "core/base/shape.h"

#include <hwy/aligned_allocator.h>

namespace attnscope {

class Scratch {
public:
    /// At least `count` floats, uninitialised; what the last call gave is void.
    float* floats(Index count)
    {
        if (count > m_count) {
            m_data = hwy::AllocateAligned<float>(static_cast<std::size_t>(count));
            m_count = count;
        }
        return m_data.get();
    }

private:
    hwy::AlignedFreeUniquePtr<float[]> m_data;
    Index m_count = 0;
};

} // namespace attnscope
