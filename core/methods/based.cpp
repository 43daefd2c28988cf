// SPDX-License-Identifier: GPL-3.0-or-later
// Based as one head: exact softmax terms near the query, Taylor terms elsewhere, one denominator for both.
#include "core/engine/map_product.h"
#include "core/engine/places.h"
#include "core/engine/taylor_features.h"
#include "core/engine/taylor_window.h"
#include "core/method/attention_method.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>

namespace attnscope::methods {

namespace {

class Based final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override
    {
        const Index side = params.integer("window");
        const Index dim = taylorDim(s.dim, params.integer("dim"));
        const auto heads = static_cast<double>(s.batch * s.heads);
        const double output = 4.0 * heads * static_cast<double>(s.queries * s.valueDim);
        return {taylorWindowFlops(s, side, dim, causal), 4.0 * heads * static_cast<double>((s.queries + s.keys) * (s.dim + s.valueDim)),
                output + taylorWindowBytes(s, side, dim, causal, RunContext{}.threadCount())};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkPlaces(*this, in, params, context); !ready)
            return ready.error();
        const Shape s = in.shape();
        Tensor out(s.batch, s.heads, s.queries, s.valueDim);
        for (Index h = 0; h < s.batch * s.heads; ++h) {
            const HeadRef head{h / s.heads, h % s.heads};
            const auto window = windowFor(in, head, params, context);
            if (!window)
                return window.error();
            if (!walkTaylorWindow(in, head, *window, out.matrix(head), {}, context))
                return cancelledError();
            context.report(static_cast<double>(h + 1) / static_cast<double>(s.batch * s.heads));
        }
        return out;
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkPlaces(*this, in, head, params, context); !ready)
            return ready.error();
        const auto window = windowFor(in, head, params, context);
        if (!window)
            return window.error();
        return makeTaylorWindowSource(in, head, *window, context);
    }
    std::vector<std::string> otherForms() const override { return {"matrix"}; }
    Result<Tensor> runForm(std::string_view form, const Inputs& in, const Params& params, const RunContext& context) const override
    {
        return form == "matrix" ? runByMap(*this, in, params, context) : AttentionMethod::runForm(form, in, params, context);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        const auto window = windowFor(in, head, params, context);
        if (!window)
            return window.error();
        auto curve = taylorRemainder(in, head, window->projection.get(), params.seed);
        curve.caption += " Here it is used outside the window alone; terms inside are exact.";
        return std::vector{std::move(curve)};
    }

private:
    static Result<TaylorWindow> windowFor(const Inputs& in, HeadRef head, const Params& params, const RunContext& context)
    {
        TaylorWindow window{params.integer("window"), nullptr};
        const Index count = taylorDim(in.q.cols(), params.integer("dim"));
        if (count == in.q.cols())
            return window;
        window.projection = principalDirections(in.qOf(head), in.kOf(head), count, context);
        if (!window.projection)
            return cancelledError();
        return window;
    }
};

Result<DefinedMap> Based::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const DefinedTaylor defined = definedTaylor(in, head, params.integer("dim"));
    const Index side = params.integer("window");
    const Index offset = in.k.rows() - in.q.rows();
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        const Index visible = visibleKeys(in, i);
        const auto inside = [&](Index j) { return std::abs(i + offset - j) <= side; };
        double top = 0.0;
        for (Index j = 0; j < visible; ++j)
            if (inside(j))
                top = std::max(top, definedLogit(in, head, i, j));
        double sum = 0.0;
        double size = 0.0;
        for (Index j = 0; j < visible; ++j) {
            map.at(i, j) = inside(j) ? std::exp(definedLogit(in, head, i, j) - top) : std::exp(-top) * taylorOf(defined.logits.at(i, j));
            sum += map.at(i, j);
            size += inside(j) ? map.at(i, j) : std::exp(-top) * taylorOf(defined.sizes.at(i, j));
        }
        for (Index j = 0; j < visible; ++j)
            map.at(i, j) /= sum;
        map.condition = std::max(map.condition, size / sum);
    }
    return map;
}

const MethodInfo& Based::info() const
{
    static const MethodInfo info{
        .id = "based",
        .title = "Based (Taylor and window)",
        .family = "kernel",
        .summary = "Exact softmax terms for the nearest keys and the second-order Taylor polynomial for all others, divided by one common "
                   "sum.",
        .formula = "w_ij = e^(t_ij) for |i - j| ≤ w, else 1 + u_ij + u_ij²/2;  Â_ij = w_ij / Σ_l w_il,  t = scale q·k,  u = scale Pq·Pk",
        .assumes = "That large logits occur near the query alone, and that those of far keys are within about ±1.",
        .loses = "Sharp attention to far keys, which a polynomial can't express.",
        .learned = "The publication learns a projection of queries and keys to 16 dimensions, and stacks window layers and Taylor layers; "
                   "here both share one head, and all dimensions or the principal ones of the head stand for the projection.",
        .reference = "Arora et al., Simple linear attention language models balance the recall-throughput tradeoff (Based), ICML 2024, "
                     "arXiv:2402.18668; one denominator for both as in Zhang et al., LoLCATs, 2024, arXiv:2410.10254",
        .timeGrowth = "n (w d + d³)",
        .memoryGrowth = "d³",
        .supportsCausal = true,
        .positional = true,
        .exactWith = {{"window", "65536"}},
        .params = {{.key = "window",
                    .label = "Keys on each side",
                    .unit = "keys",
                    .initial = 64,
                    .min = 0,
                    .max = 65536,
                    .integer = true,
                    .help = "How far exact terms reach to the left and, unless causal, to the right; the query's own key comes on top."},
                   {.key = "dim",
                    .label = "Dimensions",
                    .initial = 0,
                    .min = 0,
                    .max = 1024,
                    .integer = true,
                    .help = "Of q and k in the Taylor terms; 0: all of them; else this many principal dimensions of the head, which in the "
                            "causal form looks at the whole sequence. The published number is 16, learned."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> based() { return std::make_unique<Based>(); }

} // namespace attnscope::methods
