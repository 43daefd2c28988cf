// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/lara.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/streaming_softmax.h"
#include "core/engine/augmented.h"
#include "core/engine/landmark.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

namespace attnscope {

namespace {

constexpr Index kBlockRows = 128;
constexpr float kLeastWeight = 1e-8F; // the official clamp
constexpr Index kShownQueries = 200;

/// What one head's queries need to know of its proposals.
struct Proposals {
    DoubleMatrix centres; ///< mu = q_c + k_c [C, D]
    Tensor mu;
    Tensor queryMeans;
    Tensor values;               ///< beta_c = softmax_j(lxi(k_j, w_c)) V [C, Dv]; empty where V isn't
    std::vector<float> logScale; ///< log Σ_j exp(lxi(k_j, w_c)) less the proposal's log density
    std::vector<float> balance;  ///< the balance heuristic's share of c
    std::vector<float> logFit;   ///< log Σ_n exp(scale q_c . q_n)
};

double logSumOf(const RowNorm& norm) { return norm.max + std::log(norm.sum); }

/// Outputs [q.rows, v.cols] (where v has any) and the logarithms of the rows' sums.
std::vector<double> streamRows(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v, float scale, Tensor& out)
{
    std::vector<double> logs;
    std::array<RowNorm, kStreamQueries> norms;
    const StreamingTask task{q, k, v, scale, fullSupport(q.rows, k.rows, false)};
    for (Index first = 0; first < q.rows; first += kStreamQueries) {
        const Index count = std::min(kStreamQueries, q.rows - first);
        streamQueries(task, first, count, v.data ? out.matrix().rowRange(first, count) : MatrixView<float>{}, norms.data());
        std::transform(norms.begin(), norms.begin() + count, std::back_inserter(logs), logSumOf);
    }
    return logs;
}

/// lxi(mu_c', w_c) = scale (mu_c' . w_c - |mu_c'|² / 2) for one c.
std::vector<double> densities(const DoubleMatrix& mu, Index c, double scale)
{
    std::vector<double> logs(static_cast<std::size_t>(mu.rows));
    for (Index other = 0; other < mu.rows; ++other) {
        const double square = std::inner_product(mu.row(other), mu.row(other) + mu.cols, mu.row(other), 0.0);
        logs[static_cast<std::size_t>(other)] =
            scale * (std::inner_product(mu.row(other), mu.row(other) + mu.cols, mu.row(c), 0.0) - square / 2.0);
    }
    return logs;
}

double logSum(std::span<const double> x)
{
    const double top = *std::max_element(x.begin(), x.end());
    return top +
           std::log(std::accumulate(x.begin(), x.end(), 0.0, [top](double sum, double value) { return sum + std::exp(value - top); }));
}

Proposals proposalsOf(const Inputs& in, HeadRef head, const LaraOptions& options, MatrixView<const float> v)
{
    const float scale = in.effectiveScale();
    Proposals p;
    const DoubleMatrix queries = landmarksOf(in.qOf(head), LandmarkChoice::SegmentMeans, options.proposals, 0);
    p.centres = landmarksOf(in.kOf(head), LandmarkChoice::SegmentMeans, options.proposals, 0);
    std::transform(queries.values.begin(), queries.values.end(), p.centres.values.begin(), p.centres.values.begin(), std::plus<double>());
    p.mu = rounded(p.centres);
    p.queryMeans = rounded(queries);
    p.values = Tensor(1, 1, options.proposals, v.cols);
    const Tensor keys = withHalfSquares(in.kOf(head));
    const std::vector<double> logKeys = streamRows(withMinusOne(p.mu.matrix()).matrix(), keys.matrix(), v, scale, p.values);
    for (Index c = 0; c < options.proposals; ++c) {
        const std::vector<double> logs = densities(p.centres, c, scale);
        const double own = logs[static_cast<std::size_t>(c)];
        const double all = logSum(logs);
        p.balance.push_back(static_cast<float>(std::exp(own - all)));
        p.logScale.push_back(
            static_cast<float>(logKeys[static_cast<std::size_t>(c)] - (options.weights == LaraWeights::Optimal ? own : all)));
    }
    Tensor none;
    const std::vector<double> fits = streamRows(p.queryMeans.matrix(), in.qOf(head), {}, scale, none);
    p.logFit.assign(fits.begin(), fits.end());
    return p;
}

/// Adds log max(balance + t - mean_c t, 1e-8) with t_c = exp(fit_c - logFit_c): fit holds the logits and is overwritten.
void addCorrection(const Proposals& p, std::span<float> fit, std::span<float> logits)
{
    for (std::size_t c = 0; c < fit.size(); ++c)
        fit[c] -= p.logFit[c];
    const auto mean = static_cast<float>(expRow(fit, 0.0F) / static_cast<double>(fit.size()));
    for (std::size_t c = 0; c < fit.size(); ++c)
        logits[c] += std::log(std::max(p.balance[c] + (fit[c] - mean), kLeastWeight));
}

/// out [rows, C]: each query's weights, adding up to 1.
void weigh(const Proposals& p, MatrixView<const float> q, float scale, LaraWeights weights, MatrixView<float> out)
{
    gemmNT(q, p.mu.matrix(), out, weights == LaraWeights::Biased ? 2.0F * scale : scale);
    Tensor fit(1, 1, weights == LaraWeights::Optimal ? q.rows : 0, out.cols);
    if (weights == LaraWeights::Optimal)
        gemmNT(q, p.queryMeans.matrix(), fit.matrix(), scale);
    for (Index i = 0; i < q.rows; ++i) {
        const std::span<float> row = out.rowSpan(i);
        std::transform(row.begin(), row.end(), p.logScale.begin(), row.begin(), std::plus<float>());
        if (weights == LaraWeights::Optimal)
            addCorrection(p, fit.matrix().rowSpan(i), row);
    }
    softmaxRows(out, out.cols);
}

} // namespace

LaraWeights laraWeightsOf(std::string_view name)
{
    return name == "balanced" ? LaraWeights::Balanced : name == "biased" ? LaraWeights::Biased : LaraWeights::Optimal;
}

Result<Tensor> runLara(const Inputs& in, const LaraOptions& options, const RunContext& context)
{
    const Shape s = in.shape();
    std::vector<Proposals> proposals(static_cast<std::size_t>(s.batch * s.heads));
    bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) {
        const HeadRef head{h / s.heads, h % s.heads};
        proposals[static_cast<std::size_t>(h)] = proposalsOf(in, head, options, in.vOf(head));
    });
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const Index blocks = (s.queries + kBlockRows - 1) / kBlockRows;
    done = done && parallelFor(s.batch * s.heads * blocks, 1, context, [&](Index task, Index) {
               const HeadRef head{task / blocks / s.heads, task / blocks % s.heads};
               const Proposals& p = proposals[static_cast<std::size_t>(task / blocks)];
               const Index first = task % blocks * kBlockRows;
               const Index rows = std::min(kBlockRows, s.queries - first);
               Tensor weights(1, 1, rows, options.proposals);
               weigh(p, in.qOf(head).rowRange(first, rows), in.effectiveScale(), options.weights, weights.matrix());
               gemmNN(weights.matrix(), p.values.matrix(), out.matrix(head).rowRange(first, rows));
           });
    if (!done)
        return cancelledError();
    return out;
}

Result<LowRankFactors> laraFactors(const Inputs& in, HeadRef head, const LaraOptions& options, const RunContext& context)
{
    if (context.cancelled())
        return cancelledError();
    const Proposals p = proposalsOf(in, head, options, {});
    Tensor left(1, 1, in.q.rows(), options.proposals);
    const bool done = parallelFor(in.q.rows(), kBlockRows, context, [&](Index first, Index last) {
        weigh(p, in.qOf(head).rowRange(first, last - first), in.effectiveScale(), options.weights,
              left.matrix().rowRange(first, last - first));
    });
    if (!done)
        return cancelledError();
    const Tensor keys = withHalfSquares(in.kOf(head));
    const auto back = softmaxOfFew(withMinusOne(p.mu.matrix()).matrix(), keys.matrix(), in.effectiveScale(), context);
    if (!back)
        return back.error();
    return LowRankFactors{std::move(left), transposed(back->matrix()), in.k.rows()};
}

Result<std::vector<TheoryCurve>> laraTheory(const Inputs& in, HeadRef head, const LaraOptions& options, const RunContext& context)
{
    const auto factors = laraFactors(in, head, options, context);
    if (!factors)
        return factors.error();
    TheoryCurve curve{.title = "Effective number of proposals",
                      .source = "1 / Σ_c weight², at most the number of proposals",
                      .quantity = "effective sample size",
                      .axis = "query",
                      .kind = TheoryKind::UpperBound};
    curve.caption =
        "No bound on the error is known: the proposals are used without the noise that would make the estimate unbiased. Queries "
        "that use few proposals take the values of few segments.";
    const Index shown = std::min(kShownQueries, in.q.rows());
    for (Index i = 0; i < shown; ++i) {
        const Index query = segmentStart(in.q.rows(), shown, i);
        double squares = 0.0;
        for (const float w : factors->left.matrix().rowSpan(query))
            squares += static_cast<double>(w) * w;
        curve.x.push_back(static_cast<double>(query));
        curve.predicted.push_back(static_cast<double>(options.proposals));
        curve.measured.push_back(1.0 / squares);
    }
    return std::vector<TheoryCurve>{std::move(curve)};
}

} // namespace attnscope
