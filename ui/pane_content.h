// SPDX-License-Identifier: GPL-3.0-or-later
// What one pane of the board shows.
#pragma once

#include "core/scores/score_source.h"

#include <QString>

#include <memory>

namespace attnscope {

struct PaneContent {
    enum class Kind { Exact, Approximation, Error };

    QString title;    ///< "Performer"
    QString subtitle; ///< "f32 · cpu · features=256 seed=0"; the provenance word is added in front
    Kind kind = Kind::Exact;
    std::shared_ptr<const ScoreSource> source; ///< null where there is nothing to show
    QString message;                           ///< shown in place of the map where source is null: an error's sentence
};

/// A second map in the same pane: right of or below a line, or in turn with the first.
enum class CompareMode { None, CurtainVertical, CurtainHorizontal, Blink };

/// What a drag does where no key is held.
enum class DragMode { Pan, Box };

/// A cell of the map.
struct MapCell {
    Index query = 0;
    Index key = 0;

    bool operator==(const MapCell&) const = default;
};

} // namespace attnscope
