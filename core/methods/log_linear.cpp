// SPDX-License-Identifier: GPL-3.0-or-later
// Log-linear attention: a decayed linear attention that weighs the past by powers of two, with one state for each.
#include "core/engine/log_linear.h"
#include "core/engine/decay_envelope.h"
#include "core/engine/map_product.h"
#include "core/engine/mixer_theory.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace attnscope::methods {

namespace {

LogLinearConstants constantsOf(const Params& params) { return {params.number("g"), params.number("lambda"), params.number("ratio")}; }

using HeadProduct = std::function<bool(const LogLinearHead&, MatrixView<const float>, MatrixView<float>)>;

class LogLinear final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params&, bool) const override
    {
        const auto heads = static_cast<double>(s.batch * s.heads);
        const auto keys = static_cast<double>(s.keys);
        const auto pairs = static_cast<double>(s.dim * s.valueDim);
        const auto width = static_cast<double>(s.dim + s.valueDim);
        const double levels = std::max(0.0, std::log2(keys / static_cast<double>(kLogLinearChunk)));
        const double inside = 2.0 * static_cast<double>(s.queries * kLogLinearChunk) * width;
        const double tiles = static_cast<double>(RunContext{}.threadCount() * kLogLinearChunk) *
                             static_cast<double>(kLogLinearChunk + 2 * s.dim + s.valueDim);
        return {heads * (inside + 2.0 * keys * pairs + levels * static_cast<double>(s.queries) * pairs),
                4.0 * heads * (keys + static_cast<double>(s.queries)) * width,
                logLinearStateBytes(s.keys, s.dim, s.valueDim) + 4.0 * tiles + 8.0 * keys +
                    4.0 * heads * static_cast<double>(s.queries * s.valueDim)};
    }

    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        return eachHead(in, params, context, [&](const auto& head, auto v, auto out) { return multiplyLogLinear(head, v, out, context); });
    }

    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        auto made = LogLinearHead::make(in, head, constantsOf(params));
        if (!made)
            return made.error();
        if (context.cancelled())
            return cancelledError();
        return makeLogLinearSource(in, *std::move(made));
    }

    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;

    std::vector<std::string> otherForms() const override { return {"recurrent", "matrix"}; }
    Result<Tensor> runForm(std::string_view form, const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (form == "matrix")
            return runByMap(*this, in, params, context);
        if (form != "recurrent")
            return AttentionMethod::runForm(form, in, params, context);
        return eachHead(in, params, context, [&](const auto& head, auto v, auto out) { return decodeLogLinear(head, v, out, context); });
    }

private:
    Result<Tensor> eachHead(const Inputs& in, const Params& params, const RunContext& context, const HeadProduct& product) const
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        const Shape s = in.shape();
        Tensor out(s.batch, s.heads, s.queries, s.valueDim);
        for (Index h = 0; h < s.batch * s.heads; ++h) {
            const HeadRef head{h / s.heads, h % s.heads};
            const auto made = LogLinearHead::make(in, head, constantsOf(params));
            if (!made)
                return made.error();
            if (!product(*made, in.vOf(head), out.matrix(head)))
                return cancelledError();
        }
        return out;
    }
};

/// Each row's past is split off from its end: the token itself, then ranges as long as the lowest set bit of what is left.
Result<DefinedMap> LogLinear::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const auto g = in.array("g", head);
    const auto lambda = in.array("lambda", head);
    DefinedMap map(q.rows, k.rows);
    for (Index i = 0; i < q.rows; ++i) {
        const Index place = i + k.rows - q.rows;
        double decay = 0.0;
        int level = 0;
        Index first = place;
        for (Index j = place; j >= 0; --j) {
            if (j < first) {
                const Index length = first & -first;
                level = 1 + static_cast<int>(std::lround(std::log2(static_cast<double>(length))));
                first -= length;
            }
            double sum = 0.0;
            for (Index c = 0; c < q.cols; ++c)
                sum += static_cast<double>(q(i, c)) * k(j, c);
            double weight = params.number("lambda") * std::pow(params.number("ratio"), level);
            if (lambda) {
                const Index row = lambda->rows == 1 ? 0 : lambda->rows == k.rows ? place : i;
                weight = (*lambda)(row, lambda->cols == 1 ? 0 : level);
            }
            map.at(i, j) = weight * sum * std::exp(decay);
            decay += g ? static_cast<double>((*g)(g->rows == 1 ? 0 : j, 0)) : params.number("g");
        }
    }
    return map;
}

/// The mean over at most 256 queries of what is between a product q.k and its cell.
TheoryCurve weightByDistance(const LogLinearHead& head)
{
    TheoryCurve curve{.title = "Weight by distance",
                      .source = "Guo et al. 2025, eq. 3",
                      .quantity = "factor on q·k of a token so far back, mean over queries",
                      .axis = "distance",
                      .kind = TheoryKind::Prediction,
                      .x = theoryDistances(head.keys()),
                      .caption = "Decay and λ alone, whatever the queries ask for. Single queries see steps: all tokens of one range share "
                                 "one λ, and ranges meet at multiples of powers of two."};
    for (const double distance : curve.x) {
        const auto d = static_cast<Index>(distance);
        const Index first = std::max(head.place0(), d);
        const Index step = std::max<Index>(1, (head.keys() - first) / 256);
        double sum = 0.0;
        double count = 0.0;
        for (Index place = first; place < head.keys(); place += step, ++count)
            sum += head.weight(place, fenwickLevel(place, place - d)) * head.decayTo(place, place - d);
        curve.predicted.push_back(sum / count);
    }
    return curve;
}

Result<std::vector<TheoryCurve>> LogLinear::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    const auto made = LogLinearHead::make(in, head, constantsOf(params));
    if (!made)
        return made.error();
    auto capacity = capacityCurve(in, head, {}, context);
    if (!capacity)
        return capacity.error();
    return std::vector{weightByDistance(*made), *std::move(capacity)};
}

const MethodInfo& LogLinear::info() const
{
    static const MethodInfo info{
        .id = "log-linear",
        .title = "Log-linear attention",
        .family = "recurrent",
        .summary = "A decayed linear attention that keeps one state per power of two of the past and weighs each by λ: the near past token "
                   "by token, the far past in ever longer ranges.",
        .formula = "Mᵢⱼ = λᵢ^(ℓ(i,j)) (qᵢ·kⱼ) e^(Gᵢ − Gⱼ),  j ≤ i;  ℓ(i,j) = bit length of i xor j,  Gᵢ = Σ_{t ≤ i} g_t",
        .assumes = "What matters in the far past can be told apart by the range of tokens that it lies in.",
        .loses =
            "Like any linear attention it can't pick one token sharply; inside one range nothing but the decay tells near from far, and "
            "weights jump where ranges meet, at multiples of powers of two.",
        .learned = "λ and the decay g are computed from each token by trained layers; here they are arrays \"lambda\" and \"g\" of the "
                   "input, and where these are missing constants, a training-free variant.",
        .reference = "Guo, Yang, Goel, Xing, Dao, Kim, Log-Linear Attention, 2025, arXiv:2506.04761 (log-linear Mamba-2)",
        .timeGrowth = "n log(n) d²",
        .memoryGrowth = "n d² / 64; decoding: log(n) d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = {{.key = "g",
                    .label = "Log decay",
                    .unit = "per token",
                    .initial = -0.01,
                    .min = -20.0,
                    .max = 0.0,
                    .help = "Every token's g where the input has no array \"g\"; -0.01 halves a token's weight in 69 tokens, 0 keeps all."},
                   {.key = "lambda",
                    .label = "Weight of level 0",
                    .initial = 1.0,
                    .min = 0.0,
                    .max = 100.0,
                    .help = "λ of a token's own level where the input has no array \"lambda\"."},
                   {.key = "ratio",
                    .label = "Weight of a level to the one below",
                    .initial = 0.8,
                    .min = 0.0,
                    .max = 4.0,
                    .help = "λ of level ℓ is lambda · ratio^ℓ; 1 weighs all levels alike, which leaves a linear attention with decay, 0 "
                            "leaves the diagonal."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> log_linear() { return std::make_unique<LogLinear>(); }

} // namespace attnscope::methods
