// SPDX-License-Identifier: GPL-3.0-or-later
// What must be computed again when a session changes: a pure function, so that it is tested as a table.
#pragma once

#include "core/session/session.h"

#include <cstddef>
#include <vector>

namespace attnscope {

enum class Task {
    OpenInput,     ///< read the file, or run the model on the text
    LoadLayer,     ///< q, k, v of the chosen layer
    Thumbnails,    ///< the layer x head grid
    Exact,         ///< the exact map and output of the chosen head
    Approximation, ///< map, error and metrics of approximation `index`
    ErrorMap,      ///< only the error map of approximation `index` (its metric changed)
    Repaint,       ///< nothing computed: normalisation, colours, pins
};

struct PlannedJob {
    Task task;
    std::size_t index = 0;

    bool operator==(const PlannedJob&) const = default;
};

/// In the order in which they must run. `before` null: everything (the program's start).
std::vector<PlannedJob> plan(const Session* before, const Session& after);

} // namespace attnscope
