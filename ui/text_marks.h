// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens that a search found, as the maps and the strips beside them show them.
#pragma once

#include "core/base/shape.h"

#include <QColor>

#include <optional>
#include <utility>
#include <vector>

namespace attnscope {

struct TextMarks {
    std::vector<std::pair<Index, Index>> tokens; ///< [first, last) of each hit, ascending
    std::optional<std::size_t> current;          ///< the one that was gone to last
    bool only = false;                           ///< everything else is veiled

    bool operator==(const TextMarks&) const = default;
};

/// Apart from the accent, and from all colour maps.
inline QColor searchColor() { return {232, 21, 208}; }

} // namespace attnscope
