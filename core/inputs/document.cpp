// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/document.h"

namespace attnscope {

namespace {

TensorView<const float> oneHead(const Tensor& tensor, HeadRef head)
{
    auto view = tensor.view();
    view.data = view.matrix(head).data;
    view.shape[0] = 1;
    view.shape[1] = 1;
    return view;
}

} // namespace

Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer)
{
    return {layer->q.view(), layer->k.view(), layer->v.view(), layer->causal, layer->scale, layer};
}

Inputs inputsOf(const std::shared_ptr<const LayerInputs>& layer, HeadRef head)
{
    const HeadRef kv = inputsOf(layer).kvHead(head);
    return {oneHead(layer->q, head), oneHead(layer->k, kv), oneHead(layer->v, kv), layer->causal, layer->scale, layer};
}

} // namespace attnscope
