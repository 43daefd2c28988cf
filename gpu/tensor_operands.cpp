// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/tensor_operands.h"

#include "gpu/kernels/split.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr Index kPadTo = 8; // 16 bytes

/// Shared memory of a block of launchExactMma's kernel: more than cards of capability 8.6 and 8.9 have, for wide rows.
std::size_t exactMmaBytes(Index widest, int parts)
{
    constexpr std::size_t kKiB = 1024;
    if (widest <= 64)
        return parts == 2 ? 96 * kKiB : 48 * kKiB;
    return parts == 2 || widest > 128 ? 128 * kKiB : 96 * kKiB;
}

} // namespace

int partsOf(Dtype dtype) { return dtype == Dtype::F32 ? 2 : 1; }

bool hasTensorKernel(const CudaDevice& device, Index widest, Dtype dtype)
{
    const int parts = partsOf(dtype);
    const bool fits = device.isHopper() || exactMmaBytes(widest, parts) <= device.sharedBytes;
    return device.major >= 8 && fits && kernels::hasExactWidth(widest, parts);
}

Result<TensorOperands> TensorOperands::make(const DeviceInputs& inputs, Workspace& workspace)
{
    TensorOperands made;
    const Shape& s = inputs.shape;
    const bool wide = bytesOf(inputs.dtype) == 4;
    const Index heads = s.batch * s.heads;
    const Index kvHeads = s.batch * inputs.kvHeads;
    made.m_parts = partsOf(inputs.dtype);
    made.m_q = {nullptr, heads, s.queries, s.dim, 0, 0};
    made.m_k = {nullptr, kvHeads, s.keys, s.dim, 0, heads};
    made.m_v = {nullptr, kvHeads, s.keys, s.valueDim, 0, heads + kvHeads};
    for (Operand* operand : {&made.m_q, &made.m_k, &made.m_v}) {
        operand->padded = (operand->cols + kPadTo - 1) / kPadTo * kPadTo;
        if (!wide && operand->padded == operand->cols)
            continue;
        auto data = workspace.takeBytes(static_cast<std::size_t>(2 * made.m_parts * operand->heads * operand->rows * operand->padded));
        if (!data)
            return data.error();
        operand->converted = *data;
    }
    if (!wide)
        return made;
    auto factors = workspace.take<float>(heads + 2 * kvHeads);
    auto scratch = workspace.take<unsigned>(heads + 2 * kvHeads);
    if (!factors || !scratch)
        return factors ? scratch.error() : factors.error();
    made.m_factors = *factors;
    made.m_scratch = *scratch;
    return made;
}

Result<const void*> TensorOperands::convert(const void* from, const Operand& to, Dtype dtype, cudaStream_t stream) const
{
    if (to.converted == nullptr)
        return from;
    cudaError_t status = cudaSuccess;
    if (bytesOf(dtype) == 2) {
        status = kernels::launchPad(from, to.converted, to.heads * to.rows, to.cols, to.padded, stream);
    } else {
        const auto* wide = static_cast<const float*>(from);
        float* factors = m_factors + to.factorAt;
        status = kernels::launchFactors(wide, to.heads, to.rows * to.cols, m_scratch + to.factorAt, factors, stream);
        if (status == cudaSuccess)
            status = kernels::launchSplit(wide, to.converted, factors, to.heads, to.rows, to.cols, to.padded, m_parts, stream);
    }
    if (auto done = checkCuda(status, "converting"); !done)
        return done.error();
    return static_cast<const void*>(to.converted);
}

Result<kernels::ExactProblem> TensorOperands::fill(const DeviceInputs& in, cudaStream_t stream) const
{
    kernels::ExactProblem problem;
    for (const auto& [from, to, operand] :
         {std::tuple{in.q, &problem.q, &m_q}, std::tuple{in.k, &problem.k, &m_k}, std::tuple{in.v, &problem.v, &m_v}}) {
        auto data = convert(from, *operand, in.dtype, stream);
        if (!data)
            return data.error();
        *to = *data;
    }
    problem.o = in.o;
    problem.shape = in.shape;
    problem.shape.dim = m_q.padded;
    problem.shape.valueDim = m_v.padded;
    problem.kvHeads = in.kvHeads;
    problem.outputDim = in.shape.valueDim;
    problem.scale = in.scale;
    problem.causal = in.causal;
    problem.isHalf = in.dtype != Dtype::BF16;
    problem.parts = m_parts;
    problem.factors = m_factors;
    return problem;
}

} // namespace attnscope
