// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/clustered_map.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/streaming_softmax.h"
#include "core/engine/landmark.h"
#include "core/engine/spectral_norm.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr Index kShownQueries = 200;

} // namespace

bool attendClustered(const Inputs& in, HeadRef head, const QueryClusters& groups, MatrixView<float> out, const RunContext& context)
{
    const Index count = groups.centres.rows();
    Tensor values(1, 1, count, out.cols);
    const StreamingTask task{groups.centres.matrix(), in.kOf(head), in.vOf(head), in.effectiveScale(),
                             fullSupport(count, in.k.rows(), false)};
    for (Index first = 0; first < count && !context.cancelled(); first += kStreamQueries) {
        const Index rows = std::min(kStreamQueries, count - first);
        streamQueries(task, first, rows, values.matrix().rowRange(first, rows), nullptr);
    }
    for (Index i = 0; i < out.rows; ++i)
        std::copy_n(values.matrix().row(groups.of[static_cast<std::size_t>(i)]), out.cols, out.row(i));
    return !context.cancelled();
}

Result<Tensor> runClustered(const Inputs& in, const ClusterOptions& options, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) {
        const HeadRef head{h / s.heads, h % s.heads};
        attendClustered(in, head, clusterQueries(in.qOf(head), options), out.matrix(head), context);
    });
    if (!done)
        return cancelledError();
    return out;
}

Result<LowRankFactors> clusteredFactors(const Inputs& in, HeadRef head, const ClusterOptions& options, const RunContext& context)
{
    const QueryClusters groups = clusterQueries(in.qOf(head), options);
    const auto rows = softmaxOfFew(groups.centres.matrix(), in.kOf(head), in.effectiveScale(), context);
    if (!rows)
        return rows.error();
    Tensor left(1, 1, in.q.rows(), groups.centres.rows());
    std::fill(left.values().begin(), left.values().end(), 0.0F);
    for (Index i = 0; i < left.rows(); ++i)
        left.matrix()(i, groups.of[static_cast<std::size_t>(i)]) = 1.0F;
    return LowRankFactors{std::move(left), transposed(rows->matrix()), in.k.rows()};
}

Result<std::vector<TheoryCurve>> clusteredTheory(const Inputs& in, HeadRef head, const ClusterOptions& options, const RunContext& context)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const QueryClusters groups = clusterQueries(q, options);
    const double factor = static_cast<double>(in.effectiveScale()) * spectralNorm(k);
    const Inputs centre{
        groups.centres.view(), {k.data, {1, 1, k.rows, k.cols}, {0, 0, k.stride}}, in.v, false, in.effectiveScale(), nullptr};
    TheoryCurve curve{.title = "Error of each row against its centre's",
                      .source = "Vyas et al. 2020, proposition 1",
                      .quantity = "|A_i - Â_i|₂",
                      .axis = "query",
                      .kind = TheoryKind::UpperBound};
    curve.caption =
        "A row's error is at most s |q_i - centre| |K|₂: small where clusters are tight. It says nothing above √2, which no two "
        "distributions exceed.";
    const Index shown = std::min(kShownQueries, q.rows);
    std::vector<double> exact(static_cast<std::size_t>(k.rows));
    std::vector<double> shared(exact.size());
    for (Index s = 0; s < shown && !context.cancelled(); ++s) {
        const Index i = segmentStart(q.rows, shown, s);
        const Index c = groups.of[static_cast<std::size_t>(i)];
        softmaxRow(in, head, i, exact);
        softmaxRow(centre, {}, c, shared);
        double error = 0.0;
        for (std::size_t j = 0; j < exact.size(); ++j)
            error += (exact[j] - shared[j]) * (exact[j] - shared[j]);
        double distance = 0.0;
        for (Index d = 0; d < q.cols; ++d)
            distance += std::pow(static_cast<double>(q(i, d)) - groups.centres.matrix()(c, d), 2);
        curve.x.push_back(static_cast<double>(i));
        curve.predicted.push_back(factor * std::sqrt(distance));
        curve.measured.push_back(std::sqrt(error));
    }
    if (context.cancelled())
        return cancelledError();
    return std::vector<TheoryCurve>{std::move(curve)};
}

} // namespace attnscope
