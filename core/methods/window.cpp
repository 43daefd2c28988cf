// SPDX-License-Identifier: GPL-3.0-or-later
// Sliding-window attention with optional global tokens, as in Longformer without its extra projections.
#include "core/engine/lost_mass.h"
#include "core/engine/places.h"
#include "core/engine/support_softmax.h"
#include "core/engine/window_support.h"
#include "core/method/attention_method.h"

#include <cstdlib>

namespace attnscope::methods {

namespace {

class Window final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override
    {
        return streamingCost(s, supportPairs(windowSupport({s.queries, s.keys, causal, 0}, params), s.queries));
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkPlaces(*this, in, params, context); !ready)
            return ready.error();
        return runSupportSoftmax(in, windowSupport(in.mask(), params), context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkPlaces(*this, in, head, params, context); !ready)
            return ready.error();
        return makeSupportSource(in, head, windowSupport(in.mask(), params), Provenance::Implied, context);
    }
    Index keysPerRow(const Shape&, const Params& params) const override
    {
        return params.integer("globals") > 0 ? 0 : 2 * params.integer("window") + 1; // global tokens see everything
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        return lostMassTheory(*this, in, head, params, "window", {4, 8, 16, 32, 64, 128, 256}, TheoryKind::Prediction, context);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override
    {
        const Index side = params.integer("window");
        const Index globals = params.integer("globals");
        const Index offset = in.k.rows() - in.q.rows();
        return definedSoftmax(in, head,
                              [=](Index i, Index j) { return std::abs(i + offset - j) <= side || j < globals || i + offset < globals; });
    }
};

const MethodInfo& Window::info() const
{
    static const MethodInfo info{
        .id = "window",
        .title = "Sliding window",
        .family = "sparse",
        .summary = "Softmax over the nearest keys alone, and over a few global tokens that attend to all and are attended by all; assumes "
                   "that what matters is near.",
        .formula = "Aᵢⱼ = e^(qᵢ·kⱼ/√d) / Σ_{l ∈ Wᵢ} e^(qᵢ·k_l/√d) for j ∈ Wᵢ, else 0;  Wᵢ = {j : |i − j| ≤ w} ∪ {j : j < g}, "
                   "all keys where i < g; causal: j ≤ i as well",
        .assumes = "What matters to a token stands near it, or at the start.",
        .loses = "Every key beyond the window, whatever its logit: what they weigh together is exactly the total variation of the row.",
        .reference = "Beltagy, Peters, Cohan, Longformer: The Long-Document Transformer, 2020, arXiv:2004.05150 (without its separate "
                     "projections for global tokens)",
        .timeGrowth = "n (w + g) d",
        .memoryGrowth = "n d",
        .supportsCausal = true,
        .supportsWindow = true,
        .positional = true,
        .exactWith = {{"window", "65536"}},
        .params = {{.key = "window",
                    .label = "Keys on each side",
                    .unit = "keys",
                    .initial = 64,
                    .min = 0,
                    .max = 65536,
                    .integer = true,
                    .help = "How far a query sees to the left and, unless causal, to the right; its own key comes on top."},
                   {.key = "globals",
                    .label = "Global tokens",
                    .unit = "tokens",
                    .initial = 0,
                    .min = 0,
                    .max = 4096,
                    .integer = true,
                    .help = "The first tokens of the sequence: they attend to all keys and all queries attend to them; 1 keeps an "
                            "attention sink."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> window() { return std::make_unique<Window>(); }

} // namespace attnscope::methods
