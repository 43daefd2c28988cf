// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/fallback.h"

#include "core/backend.h"

namespace attnscope {

namespace {

template <class T>
TensorView<T> part(TensorView<T> tensor, Index batch, Index firstHead, Index heads)
{
    if (tensor.batch() > 1)
        tensor.data += batch * tensor.strides[0];
    tensor.data += firstHead * tensor.strides[1];
    tensor.shape[0] = 1;
    tensor.shape[1] = heads;
    return tensor;
}

Result<void> runParts(const Inputs& inputs, Index kvPerPart, const Fallback& fallback, Tensor& out)
{
    const Shape s = inputs.shape();
    const Index group = s.heads / inputs.k.heads();
    for (Index b = 0; b < s.batch; ++b)
        for (Index first = 0; first < inputs.k.heads(); first += kvPerPart) {
            const Index count = std::min(kvPerPart, inputs.k.heads() - first);
            const auto matrix = out.matrix({b, first * group});
            const auto cells = static_cast<std::size_t>(count * group * s.queries * s.valueDim);
            if (auto done = fallback.card(headsOf(inputs, {b, first, count}), {b, first * group}, {matrix.data, cells}); !done)
                return done;
        }
    return {};
}

Result<Tensor> runOnCpu(const Fallback& fallback, const std::string& why)
{
    giveNotice(why + " It was computed on the CPU instead.");
    return fallback.cpu();
}

} // namespace

Inputs headsOf(const Inputs& inputs, const HeadSpan& span)
{
    const Index group = inputs.q.heads() / inputs.k.heads();
    Inputs made = inputs;
    made.q = part(inputs.q, span.batch, span.kvFirst * group, span.kvCount * group);
    made.k = part(inputs.k, span.batch, span.kvFirst, span.kvCount);
    made.v = part(inputs.v, span.batch, span.kvFirst, span.kvCount);
    made.firstHead = inputs.firstHead + span.kvFirst * group;
    made.layerHeads = inputs.headsOfLayer();
    for (auto& [name, array] : made.arrays) {
        if (array.heads() == inputs.q.heads())
            array = part(array, span.batch, span.kvFirst * group, span.kvCount * group);
        else if (array.heads() == inputs.k.heads())
            array = part(array, span.batch, span.kvFirst, span.kvCount);
        else
            array = part(array, span.batch, 0, array.heads());
    }
    return made;
}

Result<Tensor> runWithFallback(const Inputs& inputs, const Fallback& fallback)
{
    const Shape s = inputs.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    auto done = fallback.card(inputs, {0, 0}, out.values());
    const Index whole = s.batch > 1 ? inputs.k.heads() : inputs.k.heads() / 2;
    bool told = false;
    for (Index kv = whole; !done && done.error().code == Errc::OutOfMemory && kv > 0; kv /= 2) {
        if (!told)
            giveNotice("The memory of " + fallback.device + " doesn't hold all heads at once: it takes them in parts.");
        told = true;
        done = runParts(inputs, kv, fallback, out);
    }
    if (done)
        return out;
    if (done.error().code == Errc::OutOfMemory)
        return runOnCpu(fallback, "The memory of " + fallback.device + " doesn't hold one head.");
    if (done.error().code == Errc::Device)
        return runOnCpu(fallback, done.error().what);
    return done.error();
}

} // namespace attnscope
