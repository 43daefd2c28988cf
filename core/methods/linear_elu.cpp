// SPDX-License-Identifier: GPL-3.0-or-later
// The Linear Transformer: attention with the feature map elu(x) + 1.
#include "core/compute/feature_ops.h"
#include "core/compute/plain_features.h"
#include "core/engine/kernel_definition.h"
#include "core/engine/kernel_method.h"

#include <cmath>

namespace attnscope::methods {

namespace {

class EluPlusOne final : public FeatureMap {
public:
    explicit EluPlusOne(Index dim) : m_dim(dim) {}
    Index features() const override { return m_dim; }
    bool logarithmic() const override { return true; }
    void compute(Side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        for (Index i = 0; i < x.rows; ++i)
            logEluPlusOne(x.rowSpan(i), out.values.rowSpan(i));
    }
    bool computePlain(Side, MatrixView<const float> x, MatrixView<float> out) const override { return plainEluPlusOne(x, out); }

private:
    Index m_dim;
};

class LinearElu final : public KernelMethod {
public:
    const MethodInfo& info() const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params&) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs&, HeadRef, const Params&, const RunContext&) const override
    {
        TheoryCurve none;
        none.title = "No bound towards softmax";
        none.source = "Katharopoulos et al. 2020, arXiv:2006.16236";
        none.kind = TheoryKind::Guidance;
        none.caption =
            "elu(x) + 1 defines a kernel of its own: no theorem bounds its distance from softmax, and no parameter makes it vanish.";
        return std::vector<TheoryCurve>{std::move(none)};
    }

protected:
    std::unique_ptr<const FeatureMap> makeMap(Index dim, float, const Params&) const override { return std::make_unique<EluPlusOne>(dim); }
    Index features(Index dim, const Params&) const override { return dim; }
    double featureFlops(Index dim, const Params&) const override { return 2.0 * static_cast<double>(dim); }
    bool isPlain(const Params&) const override { return true; }
};

DefinedFeatures definedFeatures(std::span<const float> x)
{
    std::vector<double> logs;
    for (const double value : x)
        logs.push_back(value > 0.0 ? std::log(value + 1.0) : value);
    return featuresFromLogs(std::move(logs));
}

Result<DefinedMap> LinearElu::define(const Inputs& in, HeadRef head, const Params&) const
{
    return definedKernel(in, featuresOfRows(in.qOf(head), definedFeatures), featuresOfRows(in.kOf(head), definedFeatures));
}

const MethodInfo& LinearElu::info() const
{
    static const MethodInfo info{
        .id = "linear-elu",
        .title = "Linear Transformer (elu + 1)",
        .family = "kernel",
        .summary = "Replaces exp(q·k) by φ(q)·φ(k) with φ(x) = elu(x) + 1: a kernel of its own, not an estimate of softmax; "
                   "the logit scale has no effect on it.",
        .formula = "φ(x) = elu(x) + 1,  O_i = φ(q_i)ᵀ Σ_j φ(k_j) v_jᵀ / φ(q_i)ᵀ Σ_j φ(k_j)",
        .assumes = "That smooth weights over many keys are enough: products of d positive features decide, not exponentials.",
        .loses = "Sharp rows: no query can put most of its weight on few keys, and the map's rank is at most d.",
        .reference = "Katharopoulos et al., Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention, ICML 2020, "
                     "arXiv:2006.16236, eq. 5 to 9",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> linear_elu() { return std::make_unique<LinearElu>(); }

} // namespace attnscope::methods
