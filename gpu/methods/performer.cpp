// SPDX-License-Identifier: GPL-3.0-or-later
// Performer on the GPU; what depends on a whole head (FAVOR++'s A, the published stabilisation's maxima) the CPU finds first.
#include "core/engine/performer_params.h"
#include "core/engine/projection.h"
#include "gpu/kernel_row.h"

#include <cmath>

namespace attnscope::cuda_methods {

namespace {

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

/// A of each query head: FAVOR++'s as given, or the one that fits the head; 0 for other maps.
std::vector<double> coefficientsOf(const DeviceInputs& in, const Params& params)
{
    std::vector<double> all(static_cast<std::size_t>(in.shape.batch * in.shape.heads), 0.0);
    if (performerMap(params) != RandomMap::Oprf)
        return all;
    for (std::size_t h = 0; h < all.size(); ++h) {
        const HeadRef head{static_cast<Index>(h) / in.shape.heads, static_cast<Index>(h) % in.shape.heads};
        const double given = params.number("oprf-a");
        const auto scale = static_cast<double>(in.scale);
        all[h] = given < 0.0 ? given : oprfCoefficient(meanPairLength(in.host->qOf(head), in.host->kOf(head), scale), in.shape.dim);
    }
    return all;
}

/// Whether heads differ in more than their data: by an A that fits them, or by their keys' largest exponent.
bool differsByHead(const Params& params)
{
    return performerIsOfficial(params) || (performerMap(params) == RandomMap::Oprf && params.number("oprf-a") == 0.0);
}

/// The frequencies times sqrt(1 - 4A) and the bias A |w|², once or for each head.
Result<void> addFrequencies(const Params& params, const DeviceInputs& in, const Tensor& w, kernels::CardMap& map, Workspace& workspace)
{
    auto coefficients = coefficientsOf(in, params);
    map.perHead = differsByHead(params);
    if (!map.perHead)
        coefficients.resize(1);
    const bool isOprf = performerMap(params) == RandomMap::Oprf;
    std::vector<float> all;
    std::vector<float> bias;
    for (const double a : coefficients)
        for (Index r = 0; r < map.count; ++r) {
            double square = 0.0;
            for (const double x : w.matrix().rowSpan(r)) {
                all.push_back(static_cast<float>(std::sqrt(1.0 - 4.0 * a) * x));
                square += x * x;
            }
            bias.push_back(static_cast<float>(a * square));
        }
    const auto uploaded = workspace.upload(std::span<const float>(all));
    if (!uploaded)
        return uploaded.error();
    map.wq = map.wk = *uploaded;
    if (!isOprf)
        return {};
    const auto added = workspace.upload(std::span<const float>(bias));
    if (!added)
        return added.error();
    map.bias = *added;
    return {};
}

/// What the published stabilisation knows of each head: its keys' largest exponent, and the factor that its guarded sums have.
Result<void> addOfficial(const Params& params, const DeviceInputs& in, const Tensor& w, kernels::CardMap& map, Workspace& workspace)
{
    const RandomMap kind = performerMap(params);
    const auto coefficients = coefficientsOf(in, params);
    std::vector<float> tops;
    std::vector<float> factors;
    for (std::size_t h = 0; h < coefficients.size(); ++h) {
        const HeadRef head{static_cast<Index>(h) / in.shape.heads, static_cast<Index>(h) % in.shape.heads};
        const double a = coefficients[h];
        const auto eps = officialEpsOf(kind, w, a, in.scale, in.host->qOf(head), in.host->kOf(head), *in.context);
        if (!eps)
            return cancelledError();
        const auto columns = static_cast<double>(kind == RandomMap::Hyperbolic ? map.features : map.count);
        tops.push_back(eps->topKey);
        factors.push_back(static_cast<float>(-std::log(columns) + 0.5 * static_cast<double>(in.shape.dim) * std::log(1.0 - 4.0 * a) -
                                             eps->topHalfQuery - eps->topHalfKey));
    }
    const auto keyTops = workspace.upload(std::span<const float>(tops));
    const auto logFactors = workspace.upload(std::span<const float>(factors));
    if (!keyTops || !logFactors)
        return keyTops ? logFactors.error() : keyTops.error();
    map.official = true;
    map.keyTops = *keyTops;
    map.logFactors = *logFactors;
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
    map.factor = std::sqrt(in.scale);
    if (kind == RandomMap::ReluPlain) {
        map.factor = 1.0F;
        return prepareKernelRow(in, map, workspace);
    }
    if (kind == RandomMap::ReluTf)
        map.factor = 1.0F / std::sqrt(static_cast<float>(map.count));
    const auto w = sharedProjection(projectionOf(params.text("projection")), map.count, in.shape.dim, performerSeed(params));
    if (auto added = addFrequencies(params, in, *w, map, workspace); !added)
        return added.error();
    if (performerIsOfficial(params))
        if (auto added = addOfficial(params, in, *w, map, workspace); !added)
            return added.error();
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod performer() { return {"performer", supportsKernelRow, preparePerformer}; }

} // namespace attnscope::cuda_methods
