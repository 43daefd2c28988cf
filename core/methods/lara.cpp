// SPDX-License-Identifier: GPL-3.0-or-later
// LARA: linear randomized attention with few proposals, each a softmax over all keys, weighed for each query.
#include "core/engine/lara.h"
#include "core/engine/landmark.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope::methods {

namespace {

LaraOptions optionsOf(const Shape& s, const Params& params)
{
    return {std::min({params.integer("landmarks"), s.queries, s.keys}), laraWeightsOf(params.text("weights"))};
}

class Lara final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override
    {
        const auto heads = static_cast<double>(s.batch * s.heads);
        const auto c = static_cast<double>(optionsOf(s, params).proposals);
        const auto n = static_cast<double>(s.queries);
        const auto m = static_cast<double>(s.keys);
        const auto d = static_cast<double>(s.dim);
        const auto dv = static_cast<double>(s.valueDim);
        return {heads * (2.0 * c * (m * (d + dv) + n * (3.0 * d + dv)) + 2.0 * c * c * d), 4.0 * heads * (n + m) * (d + dv),
                4.0 * heads * (n * dv + c * (4.0 * d + dv)) + RunContext{}.threadCount() * 4.0 * (m * (d + 1.0) + 256.0 * c + 65536.0)};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        return runLara(in, optionsOf(in.shape(), params), context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        auto factors = laraFactors(in, head, optionsOf(in.shape(), params), context);
        if (!factors)
            return factors.error();
        return makeLowRankSource(*std::move(factors));
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        return laraTheory(in, head, optionsOf(in.shape(), params), context);
    }
    Index rankBound(const Shape& s, const Params& params) const override { return optionsOf(s, params).proposals; }
};

using Row = std::vector<double>;

/// Means of consecutive segments, the first ones shorter where they can't be equal.
std::vector<Row> definedMeans(MatrixView<const float> x, Index count)
{
    std::vector<Row> means;
    for (Index r = 0; r < count; ++r) {
        Row mean(static_cast<std::size_t>(x.cols), 0.0);
        const Index first = segmentStart(x.rows, count, r);
        const Index last = segmentStart(x.rows, count, r + 1);
        for (Index i = first; i < last; ++i)
            for (Index c = 0; c < x.cols; ++c)
                mean[static_cast<std::size_t>(c)] += x(i, c) / static_cast<double>(last - first);
        means.push_back(std::move(mean));
    }
    return means;
}

template <class X>
double dotOf(const X& x, const Row& y)
{
    double sum = 0.0;
    for (std::size_t c = 0; c < y.size(); ++c)
        sum += static_cast<double>(x[c]) * y[c];
    return sum;
}

/// lxi(x, w) = scale (w . x - |x|² / 2).
template <class X>
double logXi(const X& x, const Row& w, double scale)
{
    double square = 0.0;
    for (std::size_t c = 0; c < w.size(); ++c)
        square += static_cast<double>(x[c]) * x[c];
    return scale * (dotOf(x, w) - square / 2.0);
}

double logSumOf(const Row& x)
{
    const double top = *std::max_element(x.begin(), x.end());
    double sum = 0.0;
    for (const double value : x)
        sum += std::exp(value - top);
    return top + std::log(sum);
}

/// ln alpha + lxi(q_n, w_c) + LSE_j lxi(k_j, w_c) - density, softmax over c, times each proposal's softmax over keys.
Result<DefinedMap> Lara::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto [count, weights] = optionsOf(in.shape(), params);
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const double scale = in.effectiveScale();
    const std::vector<Row> means = definedMeans(q, count);
    std::vector<Row> mu = definedMeans(k, count);
    const auto at = [](Index i) { return static_cast<std::size_t>(i); };
    for (std::size_t c = 0; c < mu.size(); ++c)
        std::transform(mu[c].begin(), mu[c].end(), means[c].begin(), mu[c].begin(), std::plus<double>());
    std::vector<Row> keyLogs(at(count), Row(at(k.rows)));
    std::vector<Row> fit(at(count), Row(at(q.rows)));
    std::vector<Row> logits(at(count), Row(at(q.rows)));
    for (std::size_t c = 0; c < mu.size(); ++c) {
        Row density;
        for (const Row& other : mu)
            density.push_back(logXi(other, mu[c], scale));
        for (Index j = 0; j < k.rows; ++j)
            keyLogs[c][at(j)] = logXi(k.row(j), mu[c], scale);
        const double keySum = logSumOf(keyLogs[c]);
        const double proposal = weights == LaraWeights::Optimal ? density[c] : logSumOf(density);
        for (Index n = 0; n < q.rows; ++n) {
            fit[c][at(n)] = scale * dotOf(q.row(n), means[c]);
            logits[c][at(n)] = logXi(q.row(n), mu[c], scale) + keySum - proposal;
            logits[c][at(n)] += weights == LaraWeights::Biased ? scale * dotOf(q.row(n), mu[c]) : 0.0;
        }
        const double fitSum = logSumOf(fit[c]);
        const double share = std::exp(density[c] - logSumOf(density));
        for (double& t : fit[c])
            t = std::exp(t - fitSum);
        fit[c].push_back(share);
        for (double& x : keyLogs[c])
            x = std::exp(x - keySum);
    }
    DefinedMap map(q.rows, k.rows);
    for (Index n = 0; n < q.rows; ++n) {
        Row row(mu.size());
        double mean = 0.0;
        for (std::size_t c = 0; c < mu.size(); ++c)
            mean += fit[c][at(n)] / static_cast<double>(count);
        for (std::size_t c = 0; c < mu.size(); ++c)
            row[c] =
                logits[c][at(n)] + (weights == LaraWeights::Optimal ? std::log(std::max(fit[c].back() + fit[c][at(n)] - mean, 1e-8)) : 0.0);
        const double sum = logSumOf(row);
        for (std::size_t c = 0; c < mu.size(); ++c)
            for (Index j = 0; j < k.rows; ++j)
                map.at(n, j) += std::exp(row[c] - sum) * keyLogs[c][at(j)];
    }
    return map;
}

const MethodInfo& Lara::info() const
{
    static const MethodInfo info{
        .id = "lara",
        .title = "LARA",
        .family = "landmark",
        .summary =
            "Linear randomized attention: a few proposals, one for each segment, attend to all keys by random-feature weights, and each "
            "query mixes the proposals by importance weights.",
        .formula = "oₙ = Σ_c weightₙ_c β_c,  β_c = softmaxⱼ(ξ(kⱼ, w_c)) V,  ξ(x, w) = s (w·x − |x|²/2),  w_c = q̄_c + k̄_c,  weightₙ = "
                   "softmax_c(ln αₙ_c + ξ(qₙ, w_c) + lseⱼ ξ(kⱼ, w_c) − ξ(w_c, w_c)),  αₙ_c = max(bh_c + tₙ_c − mean_c tₙ_c, 1e-8)",
        .assumes = "Some proposal's centre lies near each query and the keys that it attends to.",
        .loses = "Whatever no proposal points at: rows are mixtures of a few shared distributions, so spikes of single queries vanish.",
        .learned =
            "A linear layer and a norm behind the pooling of queries and keys; here the plain segment means, the option of the official "
            "code that has no parameters, and no noise, as in evaluation.",
        .reference = "Zheng, Wang, Kong, Linear Complexity Randomized Self-attention Mechanism, ICML 2022, arXiv:2204.04667, section 4",
        .timeGrowth = "n C d",
        .memoryGrowth = "C d",
        .positional = true,
        .params = {{.key = "landmarks",
                    .label = "Proposals",
                    .initial = 49,
                    .min = 1,
                    .max = 4096,
                    .integer = true,
                    .help = "Segments C, each of which makes one proposal; cut at the number of queries and keys. Where C doesn't divide "
                            "the length, the first segments are one token shorter."},
                   {.key = "weights",
                    .label = "Importance weights",
                    .kind = ParamKind::Choice,
                    .choices = {"optimal", "balanced", "biased"},
                    .help = "The official code's mis-opt, mis-bh and mis-biased: the balance heuristic with a correction for each query, "
                            "alone, and with exp(s w_c·q) on top."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> lara() { return std::make_unique<Lara>(); }

} // namespace attnscope::methods
