// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/linformer_oracles.h"

#include "core/engine/exact_products.h"
#include "core/engine/landmark.h"
#include "core/engine/projection.h"
#include "core/engine/support_softmax.h"
#include "core/scores/softmax_source.h"

#include <Eigen/Core>
#include <Eigen/SVD>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

namespace attnscope {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kNegligible = 1e-12;      // of the largest singular value: rounding in float64
constexpr double kRowsPerLog = 5.0 * 6.75; // 5 ln n / (eps² - eps³), whose divisor is at most 4/27
constexpr Index kMeasuredKeys = 32768;
constexpr Index kMeasuredQueries = 48;
constexpr std::array<Index, 5> kRanks{16, 32, 64, 128, 256};

/// An orthonormal basis of the columns of p.
Tensor basisOf(const DoubleMatrix& p)
{
    const Eigen::Map<const RowMajor> matrix(p.values.data(), p.rows, p.cols);
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix, Eigen::ComputeThinU);
    const auto& sigma = svd.singularValues();
    const Index rank = std::count_if(sigma.begin(), sigma.end(), [&](double s) { return s > kNegligible * sigma(0); });
    Tensor u(1, 1, p.rows, rank);
    for (Index i = 0; i < p.rows; ++i)
        for (Index r = 0; r < rank; ++r)
            u.matrix()(i, r) = static_cast<float>(svd.matrixU()(i, r));
    return u;
}

/// Σ over sampled queries of |p RᵀR - p|² / Σ |p|² for every rank of kRanks, R's first rows standing for a smaller one.
std::vector<double> measuredErrors(const Inputs& in, HeadRef head, MatrixView<const float> r, const RunContext& context)
{
    const Index keys = in.k.rows();
    const Index queries = std::min(kMeasuredQueries, in.q.rows());
    std::vector<double> errors(kRanks.size(), 0.0);
    double size = 0.0;
    std::vector<double> p(static_cast<std::size_t>(keys));
    for (Index s = 0; s < queries && !context.cancelled(); ++s) {
        softmaxRow(in, head, segmentStart(in.q.rows(), queries, s), p);
        const Eigen::Map<const Eigen::VectorXd> row(p.data(), keys);
        Eigen::VectorXd estimate = Eigen::VectorXd::Zero(keys);
        std::size_t next = 0;
        for (Index k = 0; k < r.rows; ++k) {
            const Eigen::VectorXd drawn = Eigen::Map<const Eigen::VectorXf>(r.row(k), keys).cast<double>();
            estimate += row.dot(drawn) * drawn;
            if (k + 1 == kRanks[next])
                errors[next] += (estimate * static_cast<double>(r.rows) / static_cast<double>(kRanks[next]) - row).squaredNorm(), ++next;
        }
        size += row.squaredNorm();
    }
    std::transform(errors.begin(), errors.end(), errors.begin(), [size](double e) { return std::sqrt(e / size); });
    return errors;
}

std::string whole(double x)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.0f", x);
    return text.data();
}

} // namespace

Result<LowRankFactors> projectedSoftmax(const Inputs& in, HeadRef head, const SequenceProjection& projection, const RunContext& context)
{
    Tensor right = projection.valuesTransposed(head);
    auto left = exactTimes(in, head, right.matrix(), context);
    if (!left)
        return left.error();
    return LowRankFactors{*std::move(left), std::move(right), in.k.rows()};
}

DoubleMatrix pooledKeys(const Inputs& in, HeadRef head, const SequenceProjection& projection)
{
    const auto k = in.kOf(head);
    DoubleMatrix pooled(projection.rank(), k.cols);
    for (Index r = 0; r < pooled.rows; ++r)
        for (Index j = projection.blockStart(r); j < projection.blockStart(r + 1); ++j)
            std::transform(pooled.row(r), pooled.row(r) + k.cols, k.row(j), pooled.row(r),
                           [e = projection.e(head, r, j)](double sum, float x) { return sum + e * x; });
    return pooled;
}

Result<LowRankFactors> bestValues(const Inputs& in, HeadRef head, const SequenceProjection& projection, const RunContext& context)
{
    const auto q = in.qOf(head);
    DoubleMatrix queries(q.rows, q.cols);
    for (Index i = 0; i < q.rows; ++i)
        std::copy_n(q.row(i), q.cols, queries.row(i));
    Tensor left = basisOf(smallSoftmax(queries, pooledKeys(in, head, projection), in.effectiveScale()));
    if (context.cancelled())
        return cancelledError();
    const auto exact = makeSupportSource(in, head, fullSupport(q.rows, in.k.rows(), false), Provenance::Exact, context);
    if (!exact)
        return exact.error();
    auto right = transposedTimes(**exact, left.matrix(), context);
    if (!right)
        return right.error();
    return LowRankFactors{std::move(left), *std::move(right), in.k.rows()};
}

Result<std::vector<TheoryCurve>> linformerTheory(const Inputs& in, HeadRef head, Index rank, std::uint64_t seed, const RunContext& context)
{
    const auto keys = static_cast<double>(in.k.rows());
    const double needed = kRowsPerLog * std::log(keys);
    const std::string verdict = static_cast<double>(rank) >= needed ? "this rank satisfies it for some error"
                                                                    : "this rank is below it, so the theorem says nothing here";
    TheoryCurve condition{.title = "Where theorem 1 applies",
                          .source = "Wang et al. 2020, theorem 1",
                          .quantity = "rank",
                          .axis = "",
                          .kind = TheoryKind::Guidance};
    condition.caption = "The theorem asks for k = 5 ln n / (ε² − ε³), which is at least 33.75 ln n = " + whole(needed) + " for these " +
                        whole(keys) + " keys; k is " + std::to_string(rank) + " and " + verdict +
                        ". It speaks of P Rᵀ R, which needs the exact map P, not of the other projections.";
    TheoryCurve closed{.title = "Error of the estimator of theorem 1, P Rᵀ R",
                       .source = "closed form of E |P RᵀR − P|² for Gaussian R",
                       .quantity = "relative Frobenius error of A",
                       .axis = "rank"};
    closed.caption =
        "The root mean square over random R is sqrt((n + 1) / k); it falls below 1 only where k exceeds n. Measured: one R on up "
        "to 48 queries.";
    for (const Index k : kRanks) {
        closed.x.push_back(static_cast<double>(k));
        closed.predicted.push_back(std::sqrt((keys + 1.0) / static_cast<double>(k)));
    }
    if (in.k.rows() <= kMeasuredKeys) {
        const auto r = sharedGaussian(kRanks.back(), in.k.rows(), seed, context);
        if (r)
            closed.measured = measuredErrors(in, head, r->matrix(), context);
    }
    if (context.cancelled())
        return cancelledError();
    return std::vector<TheoryCurve>{std::move(condition), std::move(closed)};
}

} // namespace attnscope
