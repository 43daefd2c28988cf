// SPDX-License-Identifier: GPL-3.0-or-later
// Skyformer on the GPU: kernel(Q, S) D^-1/2 Z D^-1/2 (kernel(K, S)^T V) with sampled rows S, the inverse in float64 in all number formats.
#include "core/engine/gaussian_kernel.h"
#include "gpu/kernels/landmark_rows.h"
#include "gpu/landmark_row.h"
#include "gpu/pseudo_inverse.h"

#include <vector>

namespace attnscope::cuda_methods {

namespace {

constexpr double kRidge = 0.1; // as skyformerParts()

struct Plan {
    kernels::RowGathering sampling;
    PseudoInverse inverse;
    kernels::SquareMatrices size;
    Index rounds = 1;
    double* root = nullptr;
    kernels::FewQueries back;
    float* values = nullptr; ///< [B, H, rounds, features, Dv]
};

Result<void> run(const Plan& plan, const DeviceInputs& in, Launch& launch)
{
    const Shape& s = in.shape;
    auto sampling = plan.sampling;
    sampling.x = in.q;
    sampling.y = in.k;
    auto status = kernels::launchRowGathering(sampling, launch.stream());
    if (status == cudaSuccess)
        status = kernels::launchMiddleGaussian(sampling.to.narrow, plan.inverse.matrices(), plan.root, plan.size, plan.rounds, s.dim,
                                               static_cast<double>(in.scale), kRidge, launch.stream());
    if (auto done = checkCuda(status, "sampling rows"); !done)
        return done;
    const auto inverse = plan.inverse.run(launch);
    if (!inverse)
        return inverse.error();
    if (auto done = runFewQueries(plan.back, in, launch); !done)
        return done;
    const auto applied =
        kernels::launchApplyInverse(*inverse, plan.root, plan.back.o, plan.values, plan.size, plan.rounds, s.valueDim, launch.stream());
    if (auto done = checkCuda(applied, "applying the inverse"); !done)
        return done;
    auto forth = fewKeysOf(in, plan.rounds * plan.size.size);
    forth.weights.gaussian = true;
    forth.keys = sampling.to.narrow;
    forth.values = plan.values;
    forth.keyHeads = forth.valueHeads = s.heads;
    return runFewKeys(forth, launch);
}

Result<CudaRun> prepareSkyformer(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const Shape& s = in.shape;
    const SkyformerOptions options{params.integer("features"), params.integer("accumulation"),
                                   static_cast<int>(params.integer("iterations")), params.text("init") == "official", params.seed};
    if (options.sharedColumnSum && in.layerHeads > s.heads)
        return Error{Errc::OutOfMemory, "The official first inverse couples all heads, which don't fit the GPU's memory together.",
                     "Choose per-head as the first inverse."};
    const Index rows = options.features * options.accumulation;
    const Index heads = s.batch * s.heads;
    const auto sample = skyformerSample(options, s.queries, s.keys);
    const auto places = workspace.upload(std::span<const Index>(sample));
    auto sampled = workspace.take<float>(heads * rows * s.dim);
    auto inverse = PseudoInverse::make({heads, options.features}, options.iterations, options.sharedColumnSum, workspace);
    auto root = workspace.take<double>(heads * options.features);
    auto back = makeFewQueries(in, rows, workspace);
    auto inner = workspace.take<float>(heads * rows * s.valueDim);
    auto values = workspace.take<float>(heads * rows * s.valueDim);
    for (const auto* failed : {places ? nullptr : &places.error(), sampled ? nullptr : &sampled.error(),
                               inverse ? nullptr : &inverse.error(), root ? nullptr : &root.error(), back ? nullptr : &back.error(),
                               inner ? nullptr : &inner.error(), values ? nullptr : &values.error()})
        if (failed != nullptr)
            return *failed;
    back->queries = *sampled;
    back->o = *inner;
    back->weights.gaussian = true;
    kernels::RowGathering sampling;
    sampling.to.narrow = *sampled;
    sampling.places = *places;
    sampling.batch = s.batch;
    sampling.heads = sampling.xHeads = s.heads;
    sampling.yHeads = in.kvHeads;
    sampling.rows = s.queries;
    sampling.yRows = s.keys;
    sampling.cols = s.dim;
    sampling.count = rows;
    sampling.dtype = in.dtype;
    return CudaRun([plan = Plan{sampling, *inverse, {heads, options.features}, options.accumulation, *root, *back, *values}](
                       const DeviceInputs& inputs, Launch& launch) { return run(plan, inputs, launch); });
}

} // namespace

CudaMethod skyformer() { return {"skyformer", supportsLandmarkRow, prepareSkyformer}; }

} // namespace attnscope::cuda_methods
