// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/nystrom.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/streaming_softmax.h"

#include <algorithm>

namespace attnscope {

namespace {

DoubleMatrix inverseOf(const NystromParts& parts, const NystromOptions& options, double columnSum)
{
    return options.iterations < 0 ? exactPinv(parts.middle) : iteratedPinv(parts.middle, options.iterations, columnSum);
}

/// softmax(scale Q~ Kᵀ) V of a strip of landmarks.
void attendFromLandmarks(const Inputs& in, HeadRef head, const Tensor& queries, Index first, Index count, Tensor& out)
{
    const StreamingTask task{queries.matrix(), in.kOf(head), in.vOf(head), in.effectiveScale(),
                             fullSupport(queries.rows(), in.k.rows(), false)};
    streamQueries(task, first, count, out.matrix().rowRange(first, count), nullptr);
}

} // namespace

NystromParts nystromParts(const Inputs& in, HeadRef head, const NystromOptions& options)
{
    NystromParts parts{landmarksOf(in.qOf(head), options.choice, options.landmarks, options.seed),
                       landmarksOf(in.kOf(head), options.choice, options.landmarks, options.seed),
                       {}};
    parts.middle = smallSoftmax(parts.queries, parts.keys, in.effectiveScale());
    return parts;
}

double nystromColumnSum(const Inputs& in, const NystromParts& parts, const NystromOptions& options)
{
    double most = largestColumnSum(parts.middle);
    for (Index h = 0; h < in.q.batch() * in.q.heads() && options.sharedColumnSum; ++h)
        most = std::max(most, largestColumnSum(nystromParts(in, {h / in.q.heads(), h % in.q.heads()}, options).middle));
    return most;
}

Result<Tensor> runNystrom(const Inputs& in, const NystromOptions& options, const RunContext& context)
{
    const Shape s = in.shape();
    const Index heads = s.batch * s.heads;
    const auto at = [](Index h) { return static_cast<std::size_t>(h); };
    std::vector<NystromParts> parts(at(heads));
    std::vector<Tensor> queries(at(heads));
    std::vector<Tensor> keys(at(heads));
    std::vector<Tensor> inner(at(heads));
    std::vector<double> columnSums(at(heads));
    bool done = parallelFor(heads, 1, context, [&](Index h, Index) {
        parts[at(h)] = nystromParts(in, {h / s.heads, h % s.heads}, options);
        queries[at(h)] = rounded(parts[at(h)].queries);
        keys[at(h)] = rounded(parts[at(h)].keys);
        inner[at(h)] = Tensor(1, 1, options.landmarks, s.valueDim);
        columnSums[at(h)] = largestColumnSum(parts[at(h)].middle);
    });
    if (options.sharedColumnSum && done)
        std::fill(columnSums.begin(), columnSums.end(), *std::max_element(columnSums.begin(), columnSums.end()));
    const Index strips = (options.landmarks + kStreamQueries - 1) / kStreamQueries;
    done = done && parallelFor(heads * strips, 1, context, [&](Index task, Index) {
               const Index h = task / strips;
               const Index first = task % strips * kStreamQueries;
               attendFromLandmarks(in, {h / s.heads, h % s.heads}, queries[at(h)], first,
                                   std::min(kStreamQueries, options.landmarks - first), inner[at(h)]);
           });
    std::vector<Tensor> values(at(heads));
    done = done && parallelFor(heads, 1, context, [&](Index h, Index) {
               values[at(h)] = Tensor(1, 1, options.landmarks, s.valueDim);
               gemmNN(rounded(inverseOf(parts[at(h)], options, columnSums[at(h)])).matrix(), inner[at(h)].matrix(), values[at(h)].matrix());
           });
    if (!done)
        return cancelledError();
    return attendToFew(in, keys, values, context);
}

Result<LowRankFactors> nystromFactors(const Inputs& in, HeadRef head, const NystromOptions& options, const RunContext& context)
{
    const NystromParts parts = nystromParts(in, head, options);
    const auto weights = softmaxOfFew(in.qOf(head), rounded(parts.keys).matrix(), in.effectiveScale(), context);
    if (!weights)
        return weights.error();
    const auto back = softmaxOfFew(rounded(parts.queries).matrix(), in.kOf(head), in.effectiveScale(), context);
    if (!back)
        return back.error();
    const Tensor inverse = rounded(inverseOf(parts, options, nystromColumnSum(in, parts, options)));
    LowRankFactors factors{Tensor(1, 1, in.q.rows(), options.landmarks), transposed(back->matrix()), in.k.rows()};
    gemmNN(weights->matrix(), inverse.matrix(), factors.left.matrix());
    return factors;
}

} // namespace attnscope
