// SPDX-License-Identifier: GPL-3.0-or-later
// Random Feature Attention on the GPU: rows of length sqrt(tau) in float32, then the trigonometric map that Performer has, too.
#include "core/engine/projection.h"
#include "gpu/kernel_row.h"
#include "gpu/kernels/float_rows.h"

namespace attnscope::cuda_methods {

namespace {

constexpr float kPublishedPadding = 1e-3F;

struct Plan {
    DeviceInputs rows; ///< what the engine reads and writes, in float32
    float* q = nullptr;
    float* k = nullptr;
    float* v = nullptr; ///< null: the inputs' own
    double* sums = nullptr;
    float tau = 0.0F;
    float padding = 0.0F;
    CudaRun engine;
};

kernels::RowCopy copyOf(const void* from, float* to, const DeviceInputs& in, Index heads, Index fromHeads, Index rows, Index cols)
{
    return {from, to, in.shape.batch, heads, fromHeads, rows, cols, 0, 0, 0.0F, in.dtype};
}

cudaError_t launchRows(const Plan& plan, const DeviceInputs& in, cudaStream_t stream)
{
    const Shape& s = in.shape;
    double* const keySums = plan.sums + s.batch * s.heads * kernels::kNormParts;
    auto status = cudaSuccess;
    if (plan.tau <= 0.0F) {
        status = kernels::launchNormSums(in.q, plan.sums, s.batch * s.heads, s.queries, s.dim, in.dtype, stream);
        if (status == cudaSuccess)
            status = kernels::launchNormSums(in.k, keySums, s.batch * in.kvHeads, s.keys, s.dim, in.dtype, stream);
    }
    kernels::UnitRows unit{copyOf(in.q, plan.q, in, s.heads, s.heads, s.queries, s.dim),
                           plan.padding,
                           plan.tau,
                           plan.sums,
                           keySums,
                           in.kvHeads,
                           s.queries,
                           s.keys,
                           in.scale};
    if (status == cudaSuccess)
        status = kernels::launchUnitRows(unit, stream);
    unit.copy = copyOf(in.k, plan.k, in, plan.rows.kvHeads, in.kvHeads, s.keys, s.dim);
    if (status == cudaSuccess)
        status = kernels::launchUnitRows(unit, stream);
    if (status == cudaSuccess && plan.v != nullptr)
        status = kernels::launchRowCopy(copyOf(in.v, plan.v, in, plan.rows.kvHeads, in.kvHeads, s.keys, s.valueDim), stream);
    return status;
}

Result<void> run(const Plan& plan, const DeviceInputs& in, Launch& launch)
{
    if (auto made = checkCuda(launchRows(plan, in, launch.stream()), "making rows of unit length"); !made)
        return made;
    DeviceInputs rows = plan.rows;
    rows.v = plan.v != nullptr ? plan.v : in.v;
    const bool isWide = bytesOf(in.dtype) == 4;
    if (isWide)
        rows.o = in.o;
    if (auto done = plan.engine(rows, launch); !done || isWide)
        return done;
    const Shape& s = in.shape;
    return checkCuda(kernels::launchFinishRows(static_cast<const float*>(rows.o), in.o, s.batch * s.heads * s.queries, s.valueDim, true,
                                               in.dtype, launch.stream()),
                     "rounding the output");
}

/// The float32 arrays; where tau differs by query head, so do keys, and values go along.
Result<void> takeRows(Plan& plan, const DeviceInputs& in, Workspace& workspace)
{
    const Shape& s = in.shape;
    plan.rows = in;
    plan.rows.dtype = Dtype::F32;
    plan.rows.kvHeads = plan.tau > 0.0F ? in.kvHeads : s.heads;
    const bool isWide = bytesOf(in.dtype) == 4;
    const Index keys = s.batch * plan.rows.kvHeads * s.keys;
    const auto q = workspace.take<float>(s.batch * s.heads * s.queries * s.dim);
    const auto k = workspace.take<float>(keys * s.dim);
    const auto v = isWide && plan.rows.kvHeads == in.kvHeads ? Result<float*>(nullptr) : workspace.take<float>(keys * s.valueDim);
    const auto o = isWide ? Result<float*>(nullptr) : workspace.take<float>(s.batch * s.heads * s.queries * s.valueDim);
    const auto sums = workspace.take<double>(s.batch * (s.heads + in.kvHeads) * kernels::kNormParts);
    for (const auto* failed : {q ? nullptr : &q.error(), k ? nullptr : &k.error(), v ? nullptr : &v.error(), o ? nullptr : &o.error(),
                               sums ? nullptr : &sums.error()})
        if (failed != nullptr)
            return *failed;
    plan.rows.q = plan.q = *q;
    plan.rows.k = plan.k = *k;
    plan.v = *v;
    plan.rows.o = *o;
    plan.sums = *sums;
    return {};
}

Result<CudaRun> prepareRfa(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    Plan plan;
    plan.tau = static_cast<float>(params.number("tau"));
    plan.padding = params.text("norm") == "official" ? kPublishedPadding : 0.0F;
    if (auto taken = takeRows(plan, in, workspace); !taken)
        return taken.error();
    kernels::CardMap map;
    map.kind = kernels::MapKind::Trig;
    map.count = (params.integer("features") + 1) / 2;
    map.features = 2 * map.count;
    const auto w = sharedProjection(projectionOf(params.text("projection")), map.count, in.shape.dim, params.seed);
    const auto uploaded = workspace.upload(w->values());
    if (!uploaded)
        return uploaded.error();
    map.wq = map.wk = *uploaded;
    auto engine = prepareKernelRow(plan.rows, map, workspace);
    if (!engine)
        return engine;
    plan.engine = *std::move(engine);
    return CudaRun([plan](const DeviceInputs& inputs, Launch& launch) { return run(plan, inputs, launch); });
}

} // namespace

CudaMethod rfa() { return {"rfa", supportsKernelRow, prepareRfa}; }

} // namespace attnscope::cuda_methods
