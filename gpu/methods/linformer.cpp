// SPDX-License-Identifier: GPL-3.0-or-later
// Linformer on the GPU: keys and values mixed along the sequence in float32, then attention to these few.
#include "core/engine/sequence_projection.h"
#include "gpu/kernel_row.h"
#include "gpu/kernels/landmark_rows.h"
#include "gpu/landmark_row.h"

#include <algorithm>
#include <vector>

namespace attnscope::cuda_methods {

namespace {

Result<void> supportsLinformer(const CudaQuestion& question)
{
    if (question.params != nullptr) {
        const std::string& kind = question.params->text("projection");
        if (kind == "theorem-1" || kind == "oracle-f")
            return onlyOnCpu("Linformer's projections that need the exact map");
    }
    return supportsLandmarkRow(question);
}

/// The shapes of inputs alone: what a projection asks for.
Inputs shapesOf(const DeviceInputs& in)
{
    const Shape& s = in.shape;
    const auto view = [](Index batch, Index heads, Index rows, Index cols) {
        return TensorView<const float>{nullptr, {batch, heads, rows, cols}, {heads * rows * cols, rows * cols, cols}};
    };
    Inputs shapes;
    shapes.q = view(s.batch, s.heads, s.queries, s.dim);
    shapes.k = view(s.batch, in.kvHeads, s.keys, s.dim);
    shapes.v = view(s.batch, in.kvHeads, s.keys, s.valueDim);
    return shapes;
}

/// E K or F V [B, heads, rank, cols]: by segments where E is a pooling, else by a product.
struct Mixing {
    bool pools = true;
    kernels::SegmentPooling pooling;
    kernels::SequenceProduct product;

    const float* result() const { return pools ? pooling.to.narrow : product.to; }
    cudaError_t run(const void* x, cudaStream_t stream) const
    {
        auto pool = pooling;
        auto multiply = product;
        pool.x = multiply.x = x;
        return pools ? kernels::launchSegmentPooling(pool, stream) : kernels::launchSequenceProduct(multiply, stream);
    }
};

Result<Mixing> makePooling(const DeviceInputs& in, const SequenceProjection& projection, SequenceMix mix, Index cols, Workspace& workspace)
{
    const Index rank = projection.rank();
    std::vector<Index> starts;
    for (Index r = 0; r <= rank; ++r)
        starts.push_back(projection.blockStart(r));
    std::vector<double> weights;
    for (Index r = 0; r < rank && mix == SequenceMix::Hann; ++r)
        for (Index key = starts[static_cast<std::size_t>(r)]; key < starts[static_cast<std::size_t>(r + 1)]; ++key)
            weights.push_back(projection.f({}, r, key));
    Mixing made;
    auto& pooling = made.pooling;
    pooling.maxima = mix == SequenceMix::Max;
    pooling.heads = in.shape.batch * in.kvHeads;
    pooling.rows = in.shape.keys;
    pooling.cols = cols;
    pooling.count = rank;
    pooling.dtype = in.dtype;
    pooling.chunks = kernels::segmentPoolingChunks(pooling, workspace.device().multiprocessors);
    const auto uploaded = workspace.upload(std::span<const Index>(starts));
    auto scratch = workspace.take<double>(kernels::segmentPoolingScratch(pooling));
    auto to = workspace.take<float>(pooling.heads * rank * cols);
    for (const auto* failed : {uploaded ? nullptr : &uploaded.error(), scratch ? nullptr : &scratch.error(), to ? nullptr : &to.error()})
        if (failed != nullptr)
            return *failed;
    pooling.starts = *uploaded;
    pooling.scratch = *scratch;
    pooling.to.narrow = *to;
    if (weights.empty())
        return made;
    const auto onCard = workspace.upload(std::span<const double>(weights));
    if (!onCard)
        return onCard.error();
    pooling.weights = *onCard;
    return made;
}

Result<Mixing> makeProduct(const DeviceInputs& in, const Tensor& matrix, double factor, Index heads, Index cols, Workspace& workspace)
{
    Mixing made;
    made.pools = false;
    auto& product = made.product;
    product.batch = in.shape.batch;
    product.heads = heads;
    product.eHeads = matrix.heads();
    product.xHeads = in.kvHeads;
    product.rank = matrix.rows();
    product.rows = in.shape.keys;
    product.cols = cols;
    product.factor = static_cast<float>(factor);
    product.dtype = in.dtype;
    product.splits = kernels::sequenceProductSplits(product, workspace.device().multiprocessors);
    const auto e = workspace.upload(matrix.values());
    auto scratch = workspace.take<float>(kernels::sequenceProductScratch(product));
    auto to = workspace.take<float>(product.batch * heads * product.rank * cols);
    for (const auto* failed : {e ? nullptr : &e.error(), scratch ? nullptr : &scratch.error(), to ? nullptr : &to.error()})
        if (failed != nullptr)
            return *failed;
    product.e = *e;
    product.scratch = *scratch;
    product.to = *to;
    return made;
}

Result<void> run(const Mixing& keys, const Mixing& values, Index heads, Index rank, const DeviceInputs& in, Launch& launch)
{
    for (const auto& [mixing, from] : {std::pair{&keys, in.k}, {&values, in.v}})
        if (auto mixed = checkCuda(mixing->run(from, launch.stream()), "projecting along the sequence"); !mixed)
            return mixed;
    auto problem = fewKeysOf(in, rank);
    problem.keys = keys.result();
    problem.values = values.result();
    problem.keyHeads = problem.valueHeads = heads;
    problem.rounds = true; // no inverse magnifies it
    return runFewKeys(problem, launch);
}

Result<CudaRun> prepareLinformer(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const auto projection = SequenceProjection::make(shapesOf(in), params, {});
    if (!projection)
        return projection.error();
    const Tensor* const e = projection->eMatrix();
    const Tensor* const f = projection->fMatrix();
    // A matrix for each query head makes keys and values of each query head.
    const Index heads = e != nullptr && std::max(e->heads(), f->heads()) > in.kvHeads ? in.shape.heads : in.kvHeads;
    const Shape& s = in.shape;
    auto keys = e == nullptr ? makePooling(in, *projection, projection->keyMix(), s.dim, workspace)
                             : makeProduct(in, *e, projection->eFactor(), heads, s.dim, workspace);
    auto values = f == nullptr ? makePooling(in, *projection, projection->valueMix(), s.valueDim, workspace)
                               : makeProduct(in, *f, projection->fFactor(), heads, s.valueDim, workspace);
    if (!keys || !values)
        return keys ? values.error() : keys.error();
    return CudaRun([keys = *keys, values = *values, heads, rank = projection->rank()](const DeviceInputs& inputs, Launch& launch) {
        return run(keys, values, heads, rank, inputs, launch);
    });
}

} // namespace

CudaMethod linformer() { return {"linformer", supportsLinformer, prepareLinformer}; }

} // namespace attnscope::cuda_methods
