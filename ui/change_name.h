// SPDX-License-Identifier: GPL-3.0-or-later
// What a step of undo is called: the difference of two sessions in a few words.
#pragma once

#include "core/session/session.h"

#include <QString>

namespace attnscope {

struct ChangeName {
    QString key;               ///< of what was changed: "approximations/0/features"; empty: nothing that goes on, as a slider does
    QString text;              ///< "features 64 → 128"
    bool alwaysMerges = false; ///< successive changes are one step however long they take
};

/// The first difference, in the order: input, head, methods, view, layout, board.
ChangeName changeName(const Session& before, const Session& after);

} // namespace attnscope
