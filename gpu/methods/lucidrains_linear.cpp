// SPDX-License-Identifier: GPL-3.0-or-later
// The attention of lucidrains' linear-attention-transformer on the GPU: global heads, bidirectional or causal token by token.
//
// Causal rows are exp(q) . exp(k) over their sum S where S is at least c, the clamp. The engine divides by sums, so a key of weight c and
// value 0 comes first and a column of ones last: rows come out over S + c and the column as t = S / (S + c), and rows over
// max(S, c) are rows over max(t, 1 - t).
#include "gpu/kernel_row.h"
#include "gpu/kernels/float_rows.h"

#include <cmath>

namespace attnscope::cuda_methods {

namespace {

constexpr double kLeastSum = 1e-3; // of what is d^(-1/2) too large here

Result<void> supportsLucidrains(const CudaQuestion& question)
{
    if (question.params && question.params->integer("local-heads") > 0)
        return onlyOnCpu("linear attention with local heads");
    if (question.params && question.causal && question.params->integer("bucket") > 1)
        return onlyOnCpu("causal linear attention by buckets");
    if (question.causal && question.shape.valueDim >= kernels::kKernelMaxDim)
        return onlyOnCpu("the causal form on values of more than " + std::to_string(kernels::kKernelMaxDim - 1) + " columns");
    return supportsKernelRow(question);
}

bool isLiteral(const Params& params) { return params.text("preset") != "row-normalised"; }

kernels::CardMap mapOf(kernels::MapKind kind, const DeviceInputs& in, const Params& params)
{
    kernels::CardMap map;
    map.kind = kind;
    map.features = map.count = in.shape.dim;
    map.factor = params.text("preset") == "scaled-inputs" ? std::sqrt(in.scale) : 1.0F;
    return map;
}

Result<CudaRun> prepareBoth(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    auto engine = prepareKernelRow(in, mapOf(kernels::MapKind::Softmaxes, in, params), workspace);
    if (!engine || !isLiteral(params))
        return engine;
    return CudaRun([engine = *std::move(engine)](const DeviceInputs& inputs, Launch& launch) -> Result<void> {
        if (auto done = engine(inputs, launch); !done)
            return done;
        const Shape& s = inputs.shape;
        return checkCuda(kernels::launchScaleRows(inputs.o, s.batch * s.heads * s.queries * s.valueDim,
                                                  1.0F / std::sqrt(static_cast<float>(s.dim)), inputs.dtype, launch.stream()),
                         "scaling the output");
    });
}

struct Plan {
    DeviceInputs rows; ///< float32; where clamped with the first key and the last column
    float* q = nullptr;
    float* k = nullptr;
    float* v = nullptr;
    Index more = 0; ///< such keys and columns
    float firstKey = 0.0F;
    CudaRun engine;
};

Result<void> run(const Plan& plan, const DeviceInputs& in, Launch& launch)
{
    const Shape& s = in.shape;
    const Index kv = in.kvHeads;
    auto status =
        kernels::launchRowCopy({in.q, plan.q, s.batch, s.heads, s.heads, s.queries, s.dim, 0, 0, 0.0F, in.dtype}, launch.stream());
    if (status == cudaSuccess)
        status =
            kernels::launchRowCopy({in.k, plan.k, s.batch, kv, kv, s.keys, s.dim, plan.more, 0, plan.firstKey, in.dtype}, launch.stream());
    if (status == cudaSuccess)
        status = kernels::launchRowCopy({in.v, plan.v, s.batch, kv, kv, s.keys, s.valueDim, plan.more, plan.more, 0.0F, in.dtype},
                                        launch.stream());
    if (auto made = checkCuda(status, "widening inputs"); !made)
        return made;
    if (auto done = plan.engine(plan.rows, launch); !done)
        return done;
    return checkCuda(kernels::launchFinishRows(static_cast<const float*>(plan.rows.o), in.o, s.batch * s.heads * s.queries, s.valueDim,
                                               plan.more == 0, in.dtype, launch.stream()),
                     "dividing by clamped sums");
}

Result<CudaRun> prepareCausal(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const Shape& s = in.shape;
    Plan plan;
    plan.more = isLiteral(params) ? 1 : 0;
    const auto map = mapOf(kernels::MapKind::Exp, in, params);
    plan.firstKey = static_cast<float>(std::log(kLeastSum * std::sqrt(static_cast<double>(s.dim)))) / map.factor;
    plan.rows = in;
    plan.rows.dtype = Dtype::F32;
    plan.rows.shape.keys += plan.more;
    plan.rows.shape.valueDim += plan.more;
    const Index keys = s.batch * in.kvHeads * plan.rows.shape.keys;
    const auto q = workspace.take<float>(s.batch * s.heads * s.queries * s.dim);
    const auto k = workspace.take<float>(keys * s.dim);
    const auto v = workspace.take<float>(keys * plan.rows.shape.valueDim);
    const auto o = workspace.take<float>(s.batch * s.heads * s.queries * plan.rows.shape.valueDim);
    for (const auto* failed : {q ? nullptr : &q.error(), k ? nullptr : &k.error(), v ? nullptr : &v.error(), o ? nullptr : &o.error()})
        if (failed != nullptr)
            return *failed;
    plan.rows.q = plan.q = *q;
    plan.rows.k = plan.k = *k;
    plan.rows.v = plan.v = *v;
    plan.rows.o = *o;
    auto engine = prepareKernelRow(plan.rows, map, workspace);
    if (!engine)
        return engine;
    plan.engine = *std::move(engine);
    return CudaRun([plan](const DeviceInputs& inputs, Launch& launch) { return run(plan, inputs, launch); });
}

Result<CudaRun> prepareLucidrains(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    return in.causal ? prepareCausal(in, params, workspace) : prepareBoth(in, params, workspace);
}

} // namespace

CudaMethod lucidrains_linear() { return {"lucidrains-linear", supportsLucidrains, prepareLucidrains}; }

} // namespace attnscope::cuda_methods
