// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/document.h"

namespace attnscope {

namespace {

TensorView<const float> oneHead(const MatrixView<const float>& m)
{
    return {m.data, {1, 1, m.rows, m.cols}, {m.rows * m.stride, m.rows * m.stride, m.stride}};
}

} // namespace

Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer)
{
    Inputs inputs{layer->q.view(), layer->k.view(),  layer->v.view(),  layer->causal, layer->scale, layer, {},
                  layer->window,   layer->firstHead, layer->layerHeads};
    for (const auto& [name, tensor] : layer->arrays)
        inputs.arrays.emplace(name, tensor.view());
    return inputs;
}

Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer, HeadRef head)
{
    const Inputs all = inputsOf(layer);
    const HeadRef here{head.batch, head.head - layer->firstHead};
    Inputs one = all;
    one.q = oneHead(all.qOf(here));
    one.k = oneHead(all.kOf(here));
    one.v = oneHead(all.vOf(here));
    for (auto& [name, view] : one.arrays)
        view = oneHead(*all.array(name, here));
    one.firstHead = head.head;
    one.layerHeads = all.headsOfLayer();
    return one;
}

} // namespace attnscope
