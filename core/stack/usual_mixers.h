// SPDX-License-Identifier: GPL-3.0-or-later
// Mixers at the sizes that are usual for a width, as their authors take them.
#pragma once

#include "core/base/result.h"
#include "core/stack/architecture.h"

namespace attnscope {

struct StackMixer {
    AttentionShape attention;
    std::optional<RecurrentShape> recurrent;
};

/// `mixer` as designMixers() lists it. Sizes of the first layer of `architecture` that has it (a window from a full layer's heads),
/// else usual ones for its width. InvalidParam for another name.
Result<StackMixer> usualMixer(const Architecture& architecture, const std::string& mixer);

} // namespace attnscope
