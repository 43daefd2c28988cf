// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/head_maps.h"

#include "core/method/registry.h"

#include <algorithm>

namespace attnscope {

namespace {

TensorView<const float> firstRows(TensorView<const float> view)
{
    view.shape[2] = std::min(view.shape[2], kHeadMapLength);
    return view;
}

Result<std::shared_ptr<const ScoreSource>> headMap(const std::shared_ptr<const LayerInputs>& layer, HeadRef ref, bool causal,
                                                   const RunContext& context)
{
    Inputs head = firstPositions(layer, ref, causal);
    head.arrays.clear(); // softmax takes none
    const auto method = requireMethod("softmax");
    if (!method)
        return method.error();
    return (*method)->scores(head, {}, defaultParams((*method)->info().params), context);
}

} // namespace

Inputs firstPositions(const std::shared_ptr<const LayerInputs>& layer, HeadRef ref, bool causal)
{
    Inputs head = inputsOf(layer, ref);
    head.causal = causal;
    for (auto* view : {&head.q, &head.k, &head.v})
        *view = firstRows(*view);
    for (auto& [name, view] : head.arrays)
        view = firstRows(view);
    return head;
}

Result<int> forEachHeadMap(const Document& document, Index batch, bool causal, const RunContext& context, const UseHeadMap& use)
{
    const auto layers = static_cast<Index>(document.info().layerNames.size());
    int made = 0;
    for (Index l = 0; l < layers; ++l) {
        const auto layer = document.start(l, kHeadMapLength, context);
        if (!layer)
            return layer.error();
        const Index heads = (*layer)->q.heads();
        for (Index h = 0; h < heads; ++h, ++made) {
            const auto map = headMap(*layer, {batch, h}, causal, context);
            if (!map)
                return map.error();
            if (auto used = use(static_cast<int>(l), static_cast<int>(h), *map); !used)
                return used.error();
            context.report(static_cast<double>(l * heads + h + 1) / static_cast<double>(layers * heads));
        }
    }
    return made;
}

} // namespace attnscope
