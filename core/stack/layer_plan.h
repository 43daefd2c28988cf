// SPDX-License-Identifier: GPL-3.0-or-later
// Which kind each layer is: the keys that configs use for it, probed in a fixed order; the first that is there decides.
#pragma once

#include "core/stack/architecture.h"
#include "core/stack/stack_fields.h"

namespace attnscope {

enum class FfnRule { ByConfig, None, Dense, Moe };

struct LayerKind {
    AttentionKind attention = AttentionKind::None;
    bool recurrent = false;
    bool conv = false; ///< a gated short convolution in place of a recurrent mixer (LFM2)
    FfnRule ffn = FfnRule::ByConfig;

    bool operator==(const LayerKind&) const = default;
};

struct LayerPlan {
    std::vector<LayerKind> layers;
    std::string decidedBy;
};

/// At most 4096 layers. Fails through `fields` where keys contradict each other or name a kind that isn't known.
LayerPlan planLayers(StackFields& fields);

/// The model consists of recurrent layers alone where nothing else is said ("mamba2", "rwkv", "gla", …).
bool isRecurrentType(const std::string& modelType);

} // namespace attnscope
