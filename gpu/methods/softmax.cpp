// SPDX-License-Identifier: GPL-3.0-or-later
// Exact streaming softmax attention on the GPU: by the tensor cores where they take the shape, else in plain float32.
#include "gpu/kernels/softmax.h"
#include "gpu/sparse_row.h"
#include "gpu/tensor_operands.h"

#include <algorithm>

namespace attnscope::cuda_methods {

namespace {

constexpr double kTensorRate = 1e14; // FLOP/s that the tensor cores reach at least: a piece is then at most 20 ms
constexpr double kPlainRate = 1e13;

double flopsOf(const DeviceInputs& in)
{
    const Shape& s = in.shape;
    return 2.0 * static_cast<double>(s.batch * s.heads * s.queries) * static_cast<double>(s.keys) * static_cast<double>(s.dim + s.valueDim);
}

/// Calls launchPart(first, last) for tiles [0, tiles) in pieces short enough to stop between.
template <class LaunchPart>
Result<void> inPieces(Index tiles, Index wave, double flops, double rate, Launch& launch, LaunchPart launchPart)
{
    const Index waves = (tiles + wave - 1) / wave;
    const Index step = wave * ((waves + Launch::pieces(flops, rate) - 1) / Launch::pieces(flops, rate));
    for (Index first = 0; first < tiles; first += step) {
        if (auto go = launch.checkpoint(static_cast<double>(first) / static_cast<double>(tiles)); !go)
            return go;
        if (auto launched = checkCuda(launchPart(first, std::min(tiles, first + step)), "starting softmax"); !launched)
            return launched;
    }
    return {};
}

Result<void> runPlain(const DeviceInputs& in, Launch& launch)
{
    const kernels::SoftmaxProblem problem{static_cast<const float*>(in.q),
                                          static_cast<const float*>(in.k),
                                          static_cast<const float*>(in.v),
                                          static_cast<float*>(in.o),
                                          in.shape,
                                          in.kvHeads,
                                          in.scale,
                                          in.causal};
    return inPieces(kernels::softmaxTiles(problem), 1, flopsOf(in), kPlainRate, launch,
                    [&](Index first, Index last) { return kernels::launchSoftmax(problem, first, last, launch.stream()); });
}

Result<void> supportsSoftmax(const CudaQuestion& question)
{
    const Index widest = std::max(question.shape.dim, question.shape.valueDim);
    if (widest > kernels::kSoftmaxMaxDim)
        return Error{Errc::Unsupported, "The CUDA kernel takes heads of at most " + std::to_string(kernels::kSoftmaxMaxDim) + " columns.",
                     "Run it on the CPU (--backend cpu)."};
    if (question.dtype == Dtype::F32 || hasTensorKernel(question.device, widest, question.dtype))
        return {};
    return Error{Errc::Unsupported, "This GPU has no kernel for " + std::string(toString(question.dtype)) + " at that width.",
                 "Choose --dtype f32."};
}

Result<CudaRun> prepareSoftmax(const DeviceInputs& inputs, const Params&, Workspace& workspace)
{
    const Shape& s = inputs.shape;
    if (inputs.window > 0) // a band: its tiles alone
        return prepareSparse(
            inputs, planSupport(s, fullSupport(s.queries, s.keys, inputs.causal, inputs.window), workspace.device().multiprocessors),
            workspace);
    const Index widest = std::max(inputs.shape.dim, inputs.shape.valueDim);
    if (!hasTensorKernel(workspace.device(), widest, inputs.dtype) || !(inputs.scale > 0.0F)) {
        if (bytesOf(inputs.dtype) != 4)
            return Error{Errc::Unsupported, "The 16-bit kernels take positive scales alone.", "Choose --dtype f32."};
        return CudaRun(runPlain);
    }
    auto operands = TensorOperands::make(inputs, workspace);
    if (!operands)
        return operands.error();
    return CudaRun([operands = *std::move(operands)](const DeviceInputs& in, Launch& launch) -> Result<void> {
        const auto problem = operands.fill(in, launch.stream());
        if (!problem)
            return problem.error();
        const int processors = launch.device().multiprocessors;
        const auto flops = flopsOf(in);
        if (!launch.device().isHopper())
            return inPieces(kernels::exactMmaTiles(*problem), processors, flops, kTensorRate / 4, launch,
                            [&](Index first, Index last) { return kernels::launchExactMma(*problem, first, last, launch.stream()); });
        return inPieces(kernels::exactHopperTiles(*problem), processors, flops, kTensorRate, launch, [&](Index first, Index last) {
            return kernels::launchExactHopper(*problem, first, last, processors, launch.stream());
        });
    });
}

} // namespace

CudaMethod softmax() { return {"softmax", supportsSoftmax, prepareSoftmax, true}; }

} // namespace attnscope::cuda_methods
