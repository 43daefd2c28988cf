// SPDX-License-Identifier: GPL-3.0-or-later
// What Linformer's theorems say, beside what drawn projections give on these inputs.
#include "core/compute/dense.h"
#include "core/engine/landmark.h"
#include "core/engine/linformer_oracles.h"
#include "core/engine/projection.h"
#include "core/engine/spectral_norm.h"
#include "core/scores/softmax_source.h"

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <span>
#include <string>

namespace attnscope {

namespace {

constexpr double kRowsPerLog = 5.0 * 6.75; // 5 ln n / (eps² - eps³), whose divisor is at most 4/27
constexpr Index kMeasuredKeys = 32768;
constexpr Index kMeasuredQueries = 48;
constexpr std::array<Index, 5> kRanks{16, 32, 64, 128, 256};

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

/// The output of theorem 2 for one query: softmax(scale delta q (R K)ᵀ) e^-delta R V with R's first `rank` rows times `factor`.
Eigen::VectorXd secondOutput(std::span<const float> q, const Tensor& keys, const Tensor& values, Index rank, double factor, double scale,
                             double delta)
{
    Eigen::VectorXd weights(rank);
    for (Index r = 0; r < rank; ++r)
        weights(r) = scale * delta * factor * std::inner_product(q.begin(), q.end(), keys.matrix().row(r), 0.0);
    weights = (weights.array() - weights.maxCoeff()).exp();
    weights *= std::exp(-delta) * factor / weights.sum();
    Eigen::VectorXd out = Eigen::VectorXd::Zero(values.cols());
    for (Index r = 0; r < rank; ++r)
        out += weights(r) * Eigen::Map<const Eigen::VectorXf>(values.matrix().row(r), values.cols()).cast<double>();
    return out;
}

/// What theorem 2 bounds: |output - exact| / (|softmax row| |V|₂), root mean square over queries, for every rank and for an output of 0.
void measureSecond(const Inputs& in, HeadRef head, MatrixView<const float> r, TheoryCurve& curve, const RunContext& context)
{
    const auto v = in.vOf(head);
    Tensor keys(1, 1, r.rows, in.k.cols());
    Tensor values(1, 1, r.rows, v.cols);
    gemmNN(r, in.kOf(head), keys.matrix());
    gemmNN(r, v, values.matrix());
    const double norm = spectralNorm(v);
    const Index queries = std::min(kMeasuredQueries, in.q.rows());
    std::vector<double> p(static_cast<std::size_t>(v.rows));
    std::vector<double> errors(kRanks.size(), 0.0);
    double zero = 0.0;
    for (Index s = 0; s < queries && !context.cancelled(); ++s) {
        const Index i = segmentStart(in.q.rows(), queries, s);
        softmaxRow(in, head, i, p);
        Eigen::VectorXd exact = Eigen::VectorXd::Zero(v.cols);
        double square = 0.0;
        for (Index j = 0; j < v.rows; ++j) {
            exact += p[static_cast<std::size_t>(j)] * Eigen::Map<const Eigen::VectorXf>(v.row(j), v.cols).cast<double>();
            square += std::pow(p[static_cast<std::size_t>(j)], 2);
        }
        const double bound = square * norm * norm * static_cast<double>(queries);
        zero += exact.squaredNorm() / bound;
        for (std::size_t k = 0; k < kRanks.size(); ++k) {
            const double factor = std::sqrt(static_cast<double>(r.rows) / static_cast<double>(kRanks[k]));
            const auto out = secondOutput(in.qOf(head).rowSpan(i), keys, values, kRanks[k], factor, in.effectiveScale(),
                                          1.0 / static_cast<double>(v.rows));
            errors[k] += (out - exact).squaredNorm() / bound;
        }
    }
    curve.predicted.assign(kRanks.size(), std::sqrt(zero));
    std::transform(errors.begin(), errors.end(), std::back_inserter(curve.measured), [](double e) { return std::sqrt(e); });
}

std::string whole(double x)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.0f", x);
    return text.data();
}

} // namespace

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
    TheoryCurve second{.title = "Theorem 2 against an output of zero",
                       .source = "Wang et al. 2020, theorem 2",
                       .quantity = "|error| / (|softmax row| |V|₂)",
                       .axis = "rank",
                       .kind = TheoryKind::Guidance};
    second.caption =
        "The theorem promises this ratio to be at most ε. By the Cauchy-Schwarz inequality an output of zero never exceeds 1: the "
        "line is what zero gives here, the points are E = δR, F = e^-δ R with δ = 1/n.";
    for (const Index k : kRanks) {
        closed.x.push_back(static_cast<double>(k));
        closed.predicted.push_back(std::sqrt((keys + 1.0) / static_cast<double>(k)));
    }
    if (in.k.rows() <= kMeasuredKeys) {
        const auto r = sharedGaussian(kRanks.back(), in.k.rows(), seed, context);
        if (r) {
            second.x = closed.x;
            closed.measured = measuredErrors(in, head, r->matrix(), context);
            measureSecond(in, head, r->matrix(), second, context);
        }
    }
    if (context.cancelled())
        return cancelledError();
    std::vector<TheoryCurve> curves{std::move(condition), std::move(closed)};
    if (!second.x.empty())
        curves.push_back(std::move(second));
    return curves;
}

} // namespace attnscope
