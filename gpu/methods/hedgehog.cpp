// SPDX-License-Identifier: GPL-3.0-or-later
// Hedgehog on the GPU, untrained, with loaded weights, or with weights that the CPU fits first.
#include "core/engine/hedgehog_fit.h"
#include "gpu/kernel_row.h"

namespace attnscope::cuda_methods {

namespace {

/// Appends W [D, F] to `all` as [F, D].
void appendTurned(std::vector<float>& all, MatrixView<const float> w)
{
    for (Index f = 0; f < w.cols; ++f)
        for (Index c = 0; c < w.rows; ++c)
            all.push_back(w(c, f));
}

/// W of queries and keys [B heads, D, D] on the card, fitted to each head.
Result<void> uploadFits(const DeviceInputs& in, const Params& params, kernels::CardMap& map, Workspace& workspace)
{
    const auto settings = HedgehogFitSettings::from(params);
    std::vector<float> q;
    std::vector<float> k;
    for (Index h = 0; h < in.shape.batch * in.shape.heads; ++h) {
        const auto fit = cachedHedgehogFit(*in.host, {h / in.shape.heads, h % in.shape.heads}, settings, *in.context);
        if (!fit)
            return fit.error();
        appendTurned(q, (*fit)->weights.q->matrix());
        appendTurned(k, (*fit)->weights.k->matrix());
    }
    const auto left = workspace.upload(std::span<const float>(q));
    const auto right = workspace.upload(std::span<const float>(k));
    if (!left || !right)
        return left ? right.error() : left.error();
    map.wq = *left;
    map.wk = *right;
    map.perHead = true;
    return {};
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
    std::vector<float> turned;
    for (Index h = 0; h < s.batch * s.heads; ++h)
        appendTurned(turned, file->matrix({0, file->heads() == 1 ? 0 : h % s.heads}));
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
    if (params.text("weights") == "fit")
        if (auto fitted = uploadFits(in, params, map, workspace); !fitted)
            return fitted.error();
    map.features = 2 * map.count;
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod hedgehog() { return {"hedgehog", supportsKernelRow, prepareHedgehog}; }

} // namespace attnscope::cuda_methods
