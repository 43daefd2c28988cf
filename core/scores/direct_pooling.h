// SPDX-License-Identifier: GPL-3.0-or-later
// Marks sources that fill a block of any level from what they keep, without visiting its cells.
#pragma once

#include "core/scores/score_source.h"

namespace attnscope {

/// A base beside ScoreSource. Coarse levels of such a source are read at once, not put together from finer ones.
class PoolsDirectly {
public:
    virtual ~PoolsDirectly() = default;
    virtual bool poolsDirectly(Pool pool) const = 0;
};

/// Whether `source` says so of that pooling.
inline bool poolsDirectly(const ScoreSource& source, Pool pool)
{
    const auto* const direct = dynamic_cast<const PoolsDirectly*>(&source);
    return direct && direct->poolsDirectly(pool);
}

} // namespace attnscope
