// SPDX-License-Identifier: GPL-3.0-or-later
// Performer on the GPU: every map whose random features don't depend on the data.
#include "core/engine/performer_params.h"
#include "core/engine/projection.h"
#include "gpu/kernel_row.h"

#include <cmath>

namespace attnscope::cuda_methods {

namespace {

Result<void> supportsPerformer(const CudaQuestion& question)
{
    if (question.params && performerIsOfficial(*question.params))
        return onlyOnCpu("Performer's official stabilisation");
    if (question.params && performerMap(*question.params) == RandomMap::Oprf && question.params->number("oprf-a") == 0.0)
        return onlyOnCpu("FAVOR++ with an A that fits the head");
    return supportsKernelRow(question);
}

kernels::MapKind kindOf(RandomMap map)
{
    switch (map) {
    case RandomMap::Hyperbolic:
        return kernels::MapKind::ExpPair;
    case RandomMap::Trig:
        return kernels::MapKind::Trig;
    case RandomMap::Relu:
    case RandomMap::ReluPlain:
    case RandomMap::ReluTf:
        return kernels::MapKind::Relu;
    case RandomMap::Positive:
    case RandomMap::Oprf:
        break;
    }
    return kernels::MapKind::Exp;
}

Result<void> addFrequencies(const Params& params, const DeviceInputs& in, kernels::CardMap& map, Workspace& workspace)
{
    const auto w = sharedProjection(projectionOf(params.text("projection")), map.count, in.shape.dim, performerSeed(params));
    const auto uploaded = workspace.upload(w->values());
    if (!uploaded)
        return uploaded.error();
    map.wq = map.wk = *uploaded;
    if (performerMap(params) != RandomMap::Oprf)
        return {};
    std::vector<float> bias;
    for (Index r = 0; r < map.count; ++r) {
        double square = 0.0;
        for (const double x : w->matrix().rowSpan(r))
            square += x * x;
        bias.push_back(static_cast<float>(params.number("oprf-a") * square));
    }
    const auto added = workspace.upload(std::span<const float>(bias));
    if (!added)
        return added.error();
    map.bias = *added;
    return {};
}

Result<CudaRun> preparePerformer(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const RandomMap kind = performerMap(params);
    kernels::CardMap map;
    map.kind = kindOf(kind);
    map.count = kind == RandomMap::ReluPlain ? in.shape.dim : performerFrequencies(params);
    map.features = map.count * columnsPerFrequency(kind);
    map.half = map.kind == kernels::MapKind::Relu ? 0.0F : 0.5F * in.scale;
    const double slope = kind == RandomMap::Oprf ? std::sqrt(1.0 - 4.0 * params.number("oprf-a")) : 1.0;
    map.factor = static_cast<float>(slope * std::sqrt(static_cast<double>(in.scale)));
    if (kind == RandomMap::ReluPlain)
        map.factor = 1.0F;
    else if (kind == RandomMap::ReluTf)
        map.factor = 1.0F / std::sqrt(static_cast<float>(map.count));
    if (kind != RandomMap::ReluPlain)
        if (auto added = addFrequencies(params, in, map, workspace); !added)
            return added.error();
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod performer() { return {"performer", supportsPerformer, preparePerformer}; }

} // namespace attnscope::cuda_methods
