// SPDX-License-Identifier: GPL-3.0-or-later
// Nystromformer on the GPU: O = softmax(Q K~^T) (Z (softmax(Q~ K^T) V)), landmarks and inverse in float64 in all number formats.
#include "core/engine/nystrom.h"
#include "gpu/kernel_row.h"
#include "gpu/landmark_picker.h"
#include "gpu/landmark_row.h"
#include "gpu/pseudo_inverse.h"

#include <algorithm>

namespace attnscope::cuda_methods {

CudaMethod softmax();

namespace {

/// With as many landmarks as tokens, exact softmax.
bool isExact(const Shape& s, const Params& params) { return params.integer("landmarks") >= std::max(s.queries, s.keys); }

Index landmarksOf(const Shape& s, const Params& params) { return std::min({params.integer("landmarks"), s.queries, s.keys}); }

Result<void> supportsNystromformer(const CudaQuestion& question)
{
    if (question.params != nullptr && isExact(question.shape, *question.params))
        return softmax().supports(question);
    if (question.params != nullptr && question.params->text("pinv") == "exact" &&
        landmarksOf(question.shape, *question.params) > kLargestExactInverse)
        return onlyOnCpu("exact inverses among more than " + std::to_string(kLargestExactInverse) + " landmarks");
    return supportsLandmarkRow(question);
}

struct Plan {
    LandmarkPicker queries;
    LandmarkPicker keys;
    PseudoInverse inverse;
    kernels::SquareMatrices size;
    kernels::FewQueries back;
    float* values = nullptr; ///< Z softmax(Q~ K^T) V [B, H, landmarks, Dv]
};

Result<void> run(const Plan& plan, const DeviceInputs& in, Launch& launch)
{
    const Shape& s = in.shape;
    for (const auto& [picker, from] : {std::pair{&plan.queries, in.q}, {&plan.keys, in.k}})
        if (auto picked = picker->run(from, launch.stream()); !picked)
            return picked;
    const auto among = kernels::launchMiddleSoftmax(plan.queries.wide(), plan.keys.wide(), plan.inverse.matrices(), plan.size,
                                                    s.heads / in.kvHeads, s.dim, static_cast<double>(in.scale), launch.stream());
    if (auto done = checkCuda(among, "attending among landmarks"); !done)
        return done;
    const auto inverse = plan.inverse.run(launch);
    if (!inverse)
        return inverse.error();
    if (auto done = runFewQueries(plan.back, in, launch); !done)
        return done;
    const auto applied =
        kernels::launchApplyInverse(*inverse, nullptr, plan.back.o, plan.values, plan.size, 1, s.valueDim, launch.stream());
    if (auto done = checkCuda(applied, "applying the inverse"); !done)
        return done;
    auto forth = fewKeysOf(in, plan.size.size);
    forth.keys = plan.keys.narrow();
    forth.keyHeads = in.kvHeads;
    forth.values = plan.values;
    forth.valueHeads = s.heads;
    return runFewKeys(forth, launch);
}

Result<CudaRun> prepareNystromformer(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const Shape& s = in.shape;
    if (isExact(s, params))
        return softmax().prepare(in, params, workspace);
    const bool shared = params.text("init") == "official";
    if (shared && in.isPart)
        return Error{Errc::OutOfMemory, "The official first inverse couples all heads, which don't fit the GPU's memory together.",
                     "Choose per-head as the first inverse."};
    const Index count = landmarksOf(s, params);
    const LandmarkChoice choice = landmarkChoiceOf(params.text("selection"));
    const Index heads = s.batch * s.heads;
    auto queries = LandmarkPicker::make({heads, s.queries, s.dim, count, in.dtype}, choice, params.seed, workspace);
    auto keys = LandmarkPicker::make({s.batch * in.kvHeads, s.keys, s.dim, count, in.dtype}, choice, params.seed, workspace);
    auto inverse = PseudoInverse::make({heads, count}, params.text("pinv") == "exact" ? -1 : static_cast<int>(params.integer("iterations")),
                                       shared, workspace);
    auto back = makeFewQueries(in, count, workspace);
    auto inner = workspace.take<float>(heads * count * s.valueDim);
    auto values = workspace.take<float>(heads * count * s.valueDim);
    for (const auto* failed : {queries ? nullptr : &queries.error(), keys ? nullptr : &keys.error(), inverse ? nullptr : &inverse.error(),
                               back ? nullptr : &back.error(), inner ? nullptr : &inner.error(), values ? nullptr : &values.error()})
        if (failed != nullptr)
            return *failed;
    back->queries = queries->narrow();
    back->o = *inner;
    return CudaRun([plan = Plan{*queries, *keys, *inverse, {heads, count}, *back, *values}](const DeviceInputs& inputs, Launch& launch) {
        return run(plan, inputs, launch);
    });
}

} // namespace

CudaMethod nystromformer() { return {"nystromformer", supportsNystromformer, prepareNystromformer}; }

} // namespace attnscope::cuda_methods
