// SPDX-License-Identifier: GPL-3.0-or-later
// A document of one layer of random heads, for tests of what is done with every head.
#pragma once

#include "core/inputs/memory_document.h"
#include "support/random_inputs.h"

namespace attnscope::tests {

/// 4 heads of width 8 over 2 KV heads, n tokens; the same at every call.
inline std::shared_ptr<const Document> randomDocument(Index n)
{
    auto data = randomInputs({1, 4, n, n, 8, 8}, 5, 1.0F, 2);
    auto layer = std::make_shared<LayerInputs>();
    layer->q = std::move(data.q);
    layer->k = std::move(data.k);
    layer->v = std::move(data.v);
    return *makeDocument(layer, "random");
}

} // namespace attnscope::tests
