// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/device_problem.h"

#include "gpu/kernels/convert.h"

namespace attnscope {

namespace {

/// The tensor as float32, contiguous in [B, H, N, D] order, in `to`.
Result<void> copyPlain(const TensorView<const float>& tensor, float* to, cudaStream_t stream)
{
    const auto width = static_cast<std::size_t>(tensor.cols()) * sizeof(float);
    for (Index b = 0; b < tensor.batch(); ++b)
        for (Index h = 0; h < tensor.heads(); ++h, to += tensor.rows() * tensor.cols()) {
            const auto from = tensor.matrix({b, h});
            const auto pitch = static_cast<std::size_t>(from.stride) * sizeof(float);
            const auto rows = static_cast<std::size_t>(from.rows);
            const auto status = pitch == width || rows == 1
                                    ? cudaMemcpyAsync(to, from.data, width * rows, cudaMemcpyHostToDevice, stream)
                                    : cudaMemcpy2DAsync(to, width, from.data, pitch, width, rows, cudaMemcpyHostToDevice, stream);
            if (auto done = checkCuda(status, "copying to the card"); !done)
                return done;
        }
    return {};
}

Result<const float*> uploadPlain(const TensorView<const float>& tensor, Workspace& workspace)
{
    auto to = workspace.take<float>(tensor.size());
    if (!to)
        return to.error();
    if (auto done = copyPlain(tensor, *to, workspace.stream()); !done)
        return done.error();
    return static_cast<const float*>(*to);
}

Result<const void*> uploadAs(const TensorView<const float>& tensor, Dtype dtype, Workspace& workspace)
{
    if (bytesOf(dtype) == 4) {
        auto plain = uploadPlain(tensor, workspace);
        if (!plain)
            return plain.error();
        return static_cast<const void*>(*plain);
    }
    auto narrow = workspace.takeBytes(static_cast<std::size_t>(tensor.size()) * 2);
    if (!narrow)
        return narrow.error();
    auto staging = Workspace::make(workspace.device()); // given back at once
    if (!staging)
        return staging.error();
    auto plain = uploadPlain(tensor, *staging);
    if (!plain)
        return plain.error();
    if (auto done = workspace.synchronize("allocating"); !done) // the other stream writes what this one allocated
        return done.error();
    if (auto done = checkCuda(kernels::launchNarrow(*plain, *narrow, tensor.size(), dtype, staging->stream()), "converting"); !done)
        return done.error();
    if (auto done = staging->synchronize("converting"); !done)
        return done.error();
    return static_cast<const void*>(*narrow);
}

std::size_t queryBytes(const DeviceInputs& in)
{
    const Shape& s = in.shape;
    return static_cast<std::size_t>(s.batch * s.heads * s.queries * s.dim * bytesOf(in.dtype));
}

std::size_t keyBytes(const DeviceInputs& in, Index width)
{
    const Shape& s = in.shape;
    return static_cast<std::size_t>(s.batch * in.kvHeads * s.keys * width * bytesOf(in.dtype));
}

Index outputCount(const Shape& s) { return s.batch * s.heads * s.queries * s.valueDim; }

Result<const void*> copyOf(const void* from, std::size_t bytes, Workspace& workspace)
{
    auto to = workspace.takeBytes(bytes);
    if (!to)
        return to.error();
    if (auto done = checkCuda(cudaMemcpyAsync(*to, from, bytes, cudaMemcpyDeviceToDevice, workspace.stream()), "copying on the card");
        !done)
        return done.error();
    return static_cast<const void*>(*to);
}

} // namespace

Result<DeviceInputs> uploadInputs(const Inputs& inputs, Dtype dtype, Workspace& workspace)
{
    DeviceInputs made;
    made.shape = inputs.shape();
    made.kvHeads = inputs.k.heads();
    made.scale = inputs.effectiveScale();
    made.causal = inputs.causal;
    made.window = inputs.window;
    made.dtype = dtype;
    made.firstHead = inputs.firstHead;
    made.layerHeads = inputs.headsOfLayer();
    made.host = &inputs;
    for (const auto& [tensor, place] : {std::pair{&inputs.q, &made.q}, {&inputs.k, &made.k}, {&inputs.v, &made.v}}) {
        auto uploaded = uploadAs(*tensor, dtype, workspace);
        if (!uploaded)
            return uploaded.error();
        *place = *uploaded;
    }
    for (const auto& [name, array] : inputs.arrays) {
        auto uploaded = uploadPlain(array, workspace);
        if (!uploaded)
            return uploaded.error();
        made.arrays[name] = {*uploaded, array.shape};
    }
    auto o = workspace.takeBytes(static_cast<std::size_t>(outputCount(made.shape) * bytesOf(dtype)));
    if (!o)
        return o.error();
    made.o = *o;
    return made;
}

Result<std::vector<DeviceInputs>> rotatedInputs(const DeviceInputs& first, Index sets, Workspace& workspace)
{
    std::vector<DeviceInputs> all{first};
    while (static_cast<Index>(all.size()) < sets) {
        DeviceInputs next = first;
        const Shape& s = first.shape;
        for (const auto& [place, bytes] :
             {std::pair{&next.q, queryBytes(first)}, {&next.k, keyBytes(first, s.dim)}, {&next.v, keyBytes(first, s.valueDim)}}) {
            auto copy = copyOf(*place, bytes, workspace);
            if (!copy)
                return copy.error();
            *place = *copy;
        }
        auto o = workspace.takeBytes(static_cast<std::size_t>(outputCount(s) * bytesOf(first.dtype)));
        if (!o)
            return o.error();
        next.o = *o;
        all.push_back(std::move(next));
    }
    return all;
}

Result<void> downloadOutput(const DeviceInputs& inputs, std::span<float> to, Workspace& workspace)
{
    const void* from = inputs.o;
    if (bytesOf(inputs.dtype) == 2) {
        auto wide = workspace.take<float>(outputCount(inputs.shape));
        if (!wide)
            return wide.error();
        if (auto done =
                checkCuda(kernels::launchWiden(inputs.o, *wide, outputCount(inputs.shape), inputs.dtype, workspace.stream()), "converting");
            !done)
            return done;
        from = *wide;
    }
    if (auto done = checkCuda(cudaMemcpyAsync(to.data(), from, to.size_bytes(), cudaMemcpyDeviceToHost, workspace.stream()),
                              "copying from the card");
        !done)
        return done;
    return workspace.synchronize("running a kernel");
}

std::size_t inputBytes(const DeviceInputs& inputs)
{
    return queryBytes(inputs) + keyBytes(inputs, inputs.shape.dim + inputs.shape.valueDim);
}

} // namespace attnscope
