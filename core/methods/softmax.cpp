// SPDX-License-Identifier: GPL-3.0-or-later
// Exact softmax attention in its streaming form: what every approximation is compared with, and has to beat.
#include "core/engine/support_softmax.h"
#include "core/method/attention_method.h"

namespace attnscope::methods {

namespace {

KeySupport supportOf(const Inputs& in) { return fullSupport(in.q.rows(), in.k.rows(), in.causal, in.window); }

class Softmax final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& shape, const Params&, bool causal) const override { return streamingCost(shape, fullPairs(shape, causal)); }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        return runSupportSoftmax(in, supportOf(in), context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        return makeSupportSource(in, head, supportOf(in), Provenance::Exact, context);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params&) const override
    {
        return definedSoftmax(in, head, [](Index, Index) { return true; });
    }
};

const MethodInfo& Softmax::info() const
{
    static const MethodInfo info{
        .id = "softmax",
        .title = "Softmax (streaming)",
        .family = "exact",
        .summary = "Exact scaled dot-product attention that never stores the map: blocks of keys stream past each block of queries while a "
                   "running maximum and sum are kept; time still grows with the square of the length.",
        .formula = "S = Q Kᵀ / √d;  m ← max(m, max S);  ℓ ← ℓ e^(m_old − m) + Σ e^(S − m);  O ← O e^(m_old − m) + e^(S − m) V;  "
                   "at the end O / ℓ.  A = exp(S − lse),  lse = m + ln ℓ",
        .assumes = "Nothing: it is what the others are compared with.",
        .loses = "Nothing but rounding.",
        .reference = "Vaswani et al., Attention Is All You Need, NeurIPS 2017, arXiv:1706.03762; streaming form: Milakov and Gimelshein, "
                     "Online normalizer calculation for softmax, 2018, arXiv:1805.02867, and Dao et al., FlashAttention, NeurIPS 2022, "
                     "arXiv:2205.14135",
        .timeGrowth = "n² d",
        .memoryGrowth = "n d",
        .exact = true,
        .supportsCausal = true,
        .supportsWindow = true,
        .mapIsQuadratic = true,
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> softmax() { return std::make_unique<Softmax>(); }

} // namespace attnscope::methods
