// SPDX-License-Identifier: GPL-3.0-or-later
// The best rank-r map (truncated SVD of the exact one): the floor, in Frobenius norm, under every bidirectional low-rank method.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/support_softmax.h"
#include "core/engine/truncated_svd.h"
#include "core/method/attention_method.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <mutex>

namespace attnscope::methods {

namespace {

class Svd final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& shape, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        auto factors = truncatedSoftmax(in, head, params.integer("rank"), params.seed, context);
        if (!factors)
            return factors.error();
        return makeLowRankSource(*std::move(factors));
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
    Index rankBound(const Shape&, const Params& params) const override { return params.integer("rank"); }
};

/// Heads decomposed at once: all threads where the map is dense (Eigen uses one), one where products use all of them.
double headsAtOnce(const Shape& s)
{
    return usesDenseSvd(s.queries, s.keys) ? std::min(static_cast<double>(s.batch * s.heads), double{1} * RunContext{}.threadCount()) : 1.0;
}

Cost Svd::cost(const Shape& s, const Params& params, bool causal) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto n = static_cast<double>(s.queries);
    const auto m = static_cast<double>(s.keys);
    const double small = std::min(n, m);
    const double width = std::min(static_cast<double>(params.integer("rank") + kSketchExtra), small);
    const double pairs = fullPairs(s, causal);
    const auto dim = static_cast<double>(s.dim);
    const double output = 4.0 * heads * n * static_cast<double>(s.valueDim);
    const double apply = 2.0 * (n + m) * width * static_cast<double>(s.valueDim);
    double flops = 0.0;
    double work = 0.0;
    if (usesDenseSvd(s.queries, s.keys)) {
        flops = 2.0 * pairs * dim + 2.0 * n * m * small + 9.0 * small * small * small; // map, Gram matrix, eigenvectors
        work = 8.0 * (n * m + 4.0 * small * small) + 12.0 * (n + m) * width;
    } else {
        flops = (kPowerIterations + 1.0) * (4.0 * pairs * (dim + width) + 4.0 * (n + m) * width * width);
        work = 28.0 * (n + m) * width + RunContext{}.threadCount() * (streamScratchBytes(s.dim, static_cast<Index>(width)) + 262144.0);
    }
    return {heads * (flops + apply), 4.0 * heads * (n + m) * (dim + static_cast<double>(s.valueDim)), output + headsAtOnce(s) * work};
}

/// O = L (Rᵀ V).
void applyFactors(const LowRankFactors& factors, MatrixView<const float> v, MatrixView<float> out)
{
    Tensor inner(1, 1, factors.right.cols(), v.cols);
    gemmTN(factors.right.matrix(), v, inner.matrix());
    gemmNN(factors.left.matrix(), inner.matrix(), out);
}

Result<Tensor> Svd::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, params, context); !ready)
        return ready.error();
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    std::mutex mutex;
    Result<void> failure;
    const auto head = [&](Index h, Index) {
        const HeadRef ref{h / s.heads, h % s.heads};
        const auto factors = truncatedSoftmax(in, ref, params.integer("rank"), params.seed, context);
        if (factors)
            return applyFactors(*factors, in.vOf(ref), out.matrix(ref));
        const std::lock_guard lock(mutex);
        failure = factors.error();
    };
    if (usesDenseSvd(s.queries, s.keys))
        parallelFor(s.batch * s.heads, 1, context, head);
    else
        for (Index h = 0; h < s.batch * s.heads && failure.ok(); ++h)
            head(h, h + 1);
    if (context.cancelled())
        return cancelledError();
    if (!failure)
        return failure.error();
    return out;
}

/// The first `rank` singular triplets of the exact map.
Result<DefinedMap> Svd::define(const Inputs& in, HeadRef head, const Params& params) const
{
    DefinedMap map = definedSoftmax(in, head, [](Index, Index) { return true; });
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::Map<RowMajor> cells(map.cells.data(), map.rows, map.cols);
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(cells, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Eigen::VectorXd& sigma = svd.singularValues();
    const Index rank = std::min<Index>(params.integer("rank"), sigma.size());
    cells = svd.matrixU().leftCols(rank) * sigma.head(rank).asDiagonal() * svd.matrixV().leftCols(rank).transpose();
    // Where the last value kept hardly differs from the first one dropped, so do their vectors under rounding.
    if (rank < sigma.size())
        map.condition = sigma(0) / std::max(sigma(rank - 1) - sigma(rank), 1e-300);
    return map;
}

/// |A - L Rᵀ|_F of one head's exact map.
double errorOf(const DefinedMap& exact, const LowRankFactors& factors)
{
    Tensor row(1, 1, 1, exact.cols);
    double sum = 0.0;
    for (Index i = 0; i < exact.rows; ++i) {
        gemmNT(factors.left.matrix().rowRange(i, 1), factors.right.matrix(), row.matrix());
        for (Index j = 0; j < exact.cols; ++j)
            sum += std::pow(exact.at(i, j) - static_cast<double>(row.matrix()(0, j)), 2);
    }
    return std::sqrt(sum);
}

/// Eckart-Young: sqrt(sum of the squared singular values that are dropped), for a few ranks.
Result<std::vector<TheoryCurve>> Svd::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    TheoryCurve curve{.title = "Eckart-Young floor",
                      .source = "Eckart and Young 1936",
                      .quantity = "relative Frobenius error of the map",
                      .axis = "rank",
                      .caption =
                          "No matrix of that rank is closer to the exact map; every bidirectional low-rank method lies above this curve."};
    if (!usesDenseSvd(in.q.rows(), in.k.rows())) {
        curve.kind = TheoryKind::Guidance;
        curve.caption +=
            " All singular values are computed up to " + std::to_string(kDenseSvdSide) + " tokens; take a shorter input to see it.";
        return std::vector{std::move(curve)};
    }
    DefinedMap exact = definedSoftmax(in, head, [](Index, Index) { return true; });
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<RowMajor> cells(exact.cells.data(), exact.rows, exact.cols);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> gram(cells.transpose() * cells, Eigen::EigenvaluesOnly);
    const Eigen::VectorXd squares = gram.eigenvalues().cwiseMax(0.0); // ascending
    for (Index rank = 1; rank < std::min(exact.rows, exact.cols) && rank <= 256; rank *= 2) {
        const auto factors = truncatedSoftmax(in, head, rank, params.seed, context);
        if (!factors)
            return factors.error();
        curve.x.push_back(static_cast<double>(rank));
        curve.predicted.push_back(std::sqrt(squares.head(squares.size() - rank).sum() / squares.sum()));
        curve.measured.push_back(errorOf(exact, *factors) / cells.norm());
    }
    return std::vector{std::move(curve)};
}

const MethodInfo& Svd::info() const
{
    static const MethodInfo info{
        .id = "svd",
        .title = "Best rank r (SVD)",
        .family = "reference",
        .summary = "The truncated singular value decomposition of the exact map. No map of rank r is closer in Frobenius or spectral norm: "
                   "a floor for bidirectional low-rank methods. It is no floor for total variation, KL or the output, nor for causal "
                   "kernel methods, whose masked maps can have full rank; its causal form approximates the causal map but doesn't respect "
                   "the mask. Above 768 tokens a randomised decomposition comes within a few per cent of it.",
        .formula = "A_r = Σ_{i ≤ r} σᵢ uᵢ vᵢᵀ,  |A − A_r|_F² = Σ_{i > r} σᵢ²",
        .assumes = "The exact map is known and close to a matrix of low rank.",
        .loses = "Single sharp cells, which add little to the Frobenius norm; rows need not sum to 1 and small weights can turn negative.",
        .reference = "Eckart and Young, The approximation of one matrix by another of lower rank, Psychometrika 1936; randomised: Halko, "
                     "Martinsson, Tropp, Finding structure with randomness, SIAM Review 2011, arXiv:0909.4061",
        .timeGrowth = "n² (d + r)",
        .memoryGrowth = "n r",
        .supportsCausal = true,
        .supportsWindow = true,
        .randomised = true,
        .mapIsQuadratic = true,
        .rowsSumToOne = false,
        .nonNegative = false,
        .looksAhead = true,
        .exactWith = {{"rank", "1024"}},
        .params = {{.key = "rank",
                    .label = "Rank",
                    .unit = "",
                    .initial = 64,
                    .min = 1,
                    .max = 1024,
                    .integer = true,
                    .help = "Singular triplets kept; compare a low-rank method with the rank that it can reach (features, landmarks)."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> svd() { return std::make_unique<Svd>(); }

} // namespace attnscope::methods
