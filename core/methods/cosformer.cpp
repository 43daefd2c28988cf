// SPDX-License-Identifier: GPL-3.0-or-later
// cosFormer: linear attention of ReLU features whose weights fall off with distance like a cosine.
#include "core/engine/kernel_method.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace attnscope::methods {

namespace {

constexpr double kClamp = 1e-6; // of the published code

/// M of the cosine: never shorter than the input, so that no weight is negative.
Index reachOf(const Inputs& in, const Params& params) { return std::max({params.integer("length"), in.q.rows(), in.k.rows()}); }

/// Where query 0 stands: causal queries are the last tokens.
Index offsetOf(const Inputs& in) { return in.causal ? in.k.rows() - in.q.rows() : 0; }

class CosFeatures final : public FeatureMap {
public:
    CosFeatures(Index dim, Index reach, Index queryOffset, bool elu) : m_dim(dim), m_reach(reach), m_queryOffset(queryOffset), m_elu(elu) {}

    Index features() const override { return 2 * m_dim; }
    bool logarithmic() const override { return false; }
    void compute(Side side, MatrixView<const float> x, const FeatureRows& out) const override { computeAt(side, 0, x, out); }

    void computeAt(Side side, Index first, MatrixView<const float> x, const FeatureRows& out) const override
    {
        for (Index i = 0; i < x.rows; ++i) {
            const auto row = out.values.rowSpan(i);
            const auto half = row.first(static_cast<std::size_t>(m_dim));
            std::transform(x.row(i), x.row(i) + m_dim, half.begin(), [this](float v) { return activation(v); });
            const float top = *std::max_element(half.begin(), half.end());
            const Index place = first + i + 1 + (side == Side::Query ? m_queryOffset : 0);
            const double angle = 0.5 * std::numbers::pi * static_cast<double>(place) / static_cast<double>(m_reach);
            const auto sine = static_cast<float>(std::sin(angle) / (top > 0.0F ? top : 1.0F));
            const auto cosine = static_cast<float>(std::cos(angle) / (top > 0.0F ? top : 1.0F));
            std::transform(half.begin(), half.end(), row.begin() + m_dim, [cosine](float v) { return cosine * v; });
            std::transform(half.begin(), half.end(), half.begin(), [sine](float v) { return sine * v; });
            out.logScale[static_cast<std::size_t>(i)] = top > 0.0F ? std::log(top) : 0.0F;
        }
    }

    bool dividesBySums() const override { return false; }
    double divisor(double sum, double logScale) const override { return std::max(sum, kClamp * std::exp(-logScale)); }

private:
    float activation(float v) const { return v > 0.0F ? (m_elu ? v + 1.0F : v) : (m_elu ? std::exp(v) : 0.0F); }

    Index m_dim;
    Index m_reach;
    Index m_queryOffset;
    bool m_elu;
};

class Cosformer final : public KernelMethod {
public:
    const MethodInfo& info() const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs&, HeadRef, const Params&, const RunContext&) const override
    {
        TheoryCurve none;
        none.title = "No bound towards softmax";
        none.source = "Qin et al. 2022, arXiv:2202.08791";
        none.kind = TheoryKind::Guidance;
        none.caption =
            "cosFormer is a kernel of its own: ReLU products times a cosine of the distance. No theorem bounds its distance from "
            "softmax, and no parameter makes it vanish.";
        return std::vector<TheoryCurve>{std::move(none)};
    }

protected:
    Result<std::unique_ptr<const FeatureMap>> inputMap(const Inputs& in, HeadRef, const Params& params, const RunContext&) const override
    {
        return std::unique_ptr<const FeatureMap>(
            std::make_unique<CosFeatures>(in.q.cols(), reachOf(in, params), offsetOf(in), params.text("activation") == "elu"));
    }
    Index features(Index dim, const Params&) const override { return 2 * dim; }
    double featureFlops(Index dim, const Params&) const override { return 3.0 * static_cast<double>(dim); }
};

/// As one product of activations times the cosine of the distance, without the features.
Result<DefinedMap> Cosformer::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const bool elu = params.text("activation") == "elu";
    const auto activation = [elu](double x) { return x > 0.0 ? (elu ? x + 1.0 : x) : (elu ? std::exp(x) : 0.0); };
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const auto reach = static_cast<double>(reachOf(in, params));
    DefinedMap map(q.rows, k.rows);
    for (Index i = 0; i < map.rows; ++i) {
        double sum = 0.0;
        for (Index j = 0; j < visibleKeys(in, i); ++j) {
            double product = 0.0;
            for (Index c = 0; c < q.cols; ++c)
                product += activation(q(i, c)) * activation(k(j, c));
            map.at(i, j) = product * std::cos(0.5 * std::numbers::pi * static_cast<double>(i + offsetOf(in) - j) / reach);
            sum += map.at(i, j);
        }
        for (Index j = 0; j < map.cols; ++j)
            map.at(i, j) /= std::max(sum, kClamp);
    }
    return map;
}

const MethodInfo& Cosformer::info() const
{
    static const MethodInfo info{
        .id = "cosformer",
        .title = "cosFormer",
        .family = "kernel",
        .summary = "Replaces exp(q·k) by products of ReLU features times a cosine of the distance between query and key: a kernel of its "
                   "own with a preference for what is near; the logit scale has no effect on it.",
        .formula = "w_ij = relu(q_i)·relu(k_j) cos(π/2 (i - j)/M),  Â_ij = w_ij / max(Σ_l w_il, 10⁻⁶)",
        .assumes = "That what matters is near, and that negative products of query and key can be left out.",
        .loses = "Sharp rows; a query without positive entries gets no weight at all; far keys, where retrieval needs them.",
        .reference = "Qin et al., cosFormer: Rethinking Softmax in Attention, ICLR 2022, arXiv:2202.08791",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .rowsSumToOne = false,
        .positional = true,
        .params = {{.key = "length",
                    .label = "Length",
                    .unit = "tokens",
                    .initial = 0,
                    .min = 0,
                    .max = 16777216,
                    .integer = true,
                    .help = "M, the distance at which weights reach 0, but at least the input's length; 0: the input's length, as in the "
                            "published code, where even causal weights then depend on how long the whole input is."},
                   {.key = "activation",
                    .label = "Activation",
                    .kind = ParamKind::Choice,
                    .choices = {"relu", "elu"},
                    .help = "relu: max(x, 0); elu: elu(x) + 1, which leaves no query without weights."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> cosformer() { return std::make_unique<Cosformer>(); }

} // namespace attnscope::methods
