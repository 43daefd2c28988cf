// SPDX-License-Identifier: GPL-3.0-or-later
// Hedgehog on the GPU, untrained or with loaded weights.
#include "core/engine/hedgehog_map.h"
#include "gpu/kernel_row.h"

namespace attnscope::cuda_methods {

namespace {

Result<void> supportsHedgehog(const CudaQuestion& question)
{
    if (question.params && question.params->text("weights") == "fit")
        return onlyOnCpu("Hedgehog's weights when they are fitted to the sample");
    return supportsKernelRow(question);
}

/// A loaded W [heads or 1, D, F] as [B heads, F, D] on the card.
Result<const float*> uploadWeights(const DeviceInputs& in, const Params& params, const char* key, Workspace& workspace)
{
    const Tensor* const file = params.tensor(key);
    if (!file)
        return Error{Errc::InvalidParam, std::string("Hedgehog's weights are \"loaded\" but no file is given as ") + key + ".",
                     std::string("Give the parameter ") + key +
                         " a file with W of shape [D, F] or [heads, D, F], or choose identity or fit."};
    const Shape& s = in.shape;
    if (file->batch() != 1 || (file->heads() != 1 && file->heads() != s.heads) || file->rows() != s.dim)
        return Error{Errc::InvalidShape, std::string(key) + " doesn't fit heads of " + std::to_string(s.dim) + " columns.",
                     "Load one matrix with a row for each of these D numbers for all heads, or one for each query head."};
    const Index width = file->cols();
    std::vector<float> turned(static_cast<std::size_t>(s.batch * s.heads * width * s.dim));
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        const auto w = file->matrix({0, file->heads() == 1 ? 0 : h % s.heads});
        for (Index f = 0; f < width; ++f)
            for (Index c = 0; c < s.dim; ++c)
                turned[static_cast<std::size_t>((h * width + f) * s.dim + c)] = w(c, f);
    }
    return workspace.upload(std::span<const float>(turned));
}

Result<CudaRun> prepareHedgehog(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    kernels::CardMap map;
    map.kind = kernels::MapKind::Hedgehog;
    map.count = in.shape.dim;
    const auto kind = hedgehogKindOf(params.text("map"));
    map.hedgehog = kind == HedgehogKind::Softmax ? 0 : kind == HedgehogKind::Exp ? 1 : 2;
    if (params.text("weights") == "loaded") {
        const auto q = uploadWeights(in, params, "q-weights", workspace);
        if (!q)
            return q.error();
        const auto k = uploadWeights(in, params, "k-weights", workspace);
        if (!k)
            return k.error();
        if (params.tensor("q-weights")->cols() != params.tensor("k-weights")->cols())
            return Error{Errc::InvalidShape, "q-weights and k-weights have different numbers of columns.",
                         "Queries and keys need equally many features."};
        map.wq = *q;
        map.wk = *k;
        map.perHead = true;
        map.count = params.tensor("q-weights")->cols();
    }
    map.features = 2 * map.count;
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod hedgehog() { return {"hedgehog", supportsHedgehog, prepareHedgehog}; }

} // namespace attnscope::cuda_methods
