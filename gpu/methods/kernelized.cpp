// SPDX-License-Identifier: GPL-3.0-or-later
// Kernelized attention on the GPU: the Gaussian kernel of all queries and keys by the landmark kernels, with every key a landmark.
#include "gpu/kernels/float_rows.h"
#include "gpu/landmark_row.h"

namespace attnscope::cuda_methods {

namespace {

/// 16-bit k or v as float32.
Result<const float*> asFloats(const void* from, float* room, Index cols, const DeviceInputs& in, Launch& launch)
{
    if (room == nullptr)
        return static_cast<const float*>(from);
    const kernels::RowCopy copy{from, room, in.shape.batch, in.kvHeads, in.kvHeads, in.shape.keys, cols, 0, 0, 0.0F, in.dtype};
    if (auto done = checkCuda(kernels::launchRowCopy(copy, launch.stream()), "widening keys and values"); !done)
        return done.error();
    return static_cast<const float*>(room);
}

Result<void> run(float* keyRoom, float* valueRoom, const DeviceInputs& in, Launch& launch)
{
    const auto keys = asFloats(in.k, keyRoom, in.shape.dim, in, launch);
    const auto values = asFloats(in.v, valueRoom, in.shape.valueDim, in, launch);
    if (!keys || !values)
        return keys ? values.error() : keys.error();
    auto problem = fewKeysOf(in, in.shape.keys);
    problem.keys = *keys;
    problem.values = *values;
    problem.keyHeads = problem.valueHeads = in.kvHeads;
    problem.weights.gaussian = true;
    problem.rounds = true; // no inverse magnifies it
    return runFewKeys(problem, launch);
}

Result<CudaRun> prepareKernelized(const DeviceInputs& in, const Params&, Workspace& workspace)
{
    float* keys = nullptr;
    float* values = nullptr;
    if (bytesOf(in.dtype) == 2) {
        const Index rows = in.shape.batch * in.kvHeads * in.shape.keys;
        const auto keyRoom = workspace.take<float>(rows * in.shape.dim);
        const auto valueRoom = workspace.take<float>(rows * in.shape.valueDim);
        if (!keyRoom || !valueRoom)
            return keyRoom ? valueRoom.error() : keyRoom.error();
        keys = *keyRoom;
        values = *valueRoom;
    }
    return CudaRun([keys, values](const DeviceInputs& inputs, Launch& launch) { return run(keys, values, inputs, launch); });
}

} // namespace

CudaMethod kernelized() { return {"kernelized", supportsLandmarkRow, prepareKernelized}; }

} // namespace attnscope::cuda_methods
