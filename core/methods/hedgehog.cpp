// SPDX-License-Identifier: GPL-3.0-or-later
// Hedgehog: learned softmax features that mimic spiky attention; untrained, fitted to the sample at hand, or loaded.
#include "core/engine/hedgehog_fit.h"
#include "core/engine/kernel_definition.h"
#include "core/engine/kernel_method.h"

#include <string>

namespace attnscope::methods {

namespace {

bool isFit(const Params& params) { return params.text("weights") == "fit"; }

/// The part of a loaded W that a query head reads.
Result<std::shared_ptr<const Tensor>> loadedWeights(const Inputs& in, HeadRef head, const Params& params, const char* key)
{
    const Tensor* const file = params.tensor(key);
    if (!file)
        return Error{Errc::InvalidParam, std::string("Hedgehog's weights are \"loaded\" but no file is given as ") + key + ".",
                     std::string("Give the parameter ") + key +
                         " a file with W of shape [D, F] or [heads, D, F], or choose identity or fit."};
    if (file->batch() != 1 || (file->heads() != 1 && file->heads() != in.q.heads()) || file->rows() != in.q.cols())
        return Error{Errc::InvalidShape,
                     std::string(key) + " holds " + std::to_string(file->heads()) + " matrices of " + std::to_string(file->rows()) +
                         " rows, but there are " + std::to_string(in.q.heads()) + " query heads of width " + std::to_string(in.q.cols()) +
                         ".",
                     "Load one matrix with a row for each of these D numbers for all heads, or one for each query head."};
    const auto part = file->matrix({0, file->heads() == 1 ? 0 : head.head});
    auto w = std::make_shared<Tensor>(1, 1, part.rows, part.cols);
    std::copy_n(part.data, part.rows * part.cols, w->data());
    return std::shared_ptr<const Tensor>(std::move(w));
}

Result<HedgehogWeights> weightsOf(const Inputs& in, HeadRef head, const Params& params, const RunContext& context)
{
    if (params.text("weights") == "identity")
        return HedgehogWeights{};
    if (isFit(params)) {
        const auto fit = cachedHedgehogFit(in, head, HedgehogFitSettings::from(params), context);
        if (!fit)
            return fit.error();
        return (*fit)->weights;
    }
    auto q = loadedWeights(in, head, params, "q-weights");
    if (!q)
        return q.error();
    auto k = loadedWeights(in, head, params, "k-weights");
    if (!k)
        return k.error();
    if ((*q)->cols() != (*k)->cols())
        return Error{Errc::InvalidShape,
                     "q-weights has " + std::to_string((*q)->cols()) + " columns but k-weights has " + std::to_string((*k)->cols()) + ".",
                     "Queries and keys need equally many features."};
    return HedgehogWeights{*std::move(q), *std::move(k)};
}

class Hedgehog final : public KernelMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override
    {
        Cost cost = KernelMethod::cost(s, params, causal);
        if (isFit(params)) {
            cost.flops += static_cast<double>(s.batch * s.heads) * hedgehogFitFlops(s, params.integer("steps"));
            cost.peakBytes += hedgehogFitBytes(s);
        }
        return cost;
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
    std::pair<Index, Index> fileShape(std::string_view, const Shape& s, const Params&) const override { return {s.dim, s.dim}; }

protected:
    Result<std::unique_ptr<const FeatureMap>> inputMap(const Inputs& in, HeadRef head, const Params& params,
                                                       const RunContext& context) const override
    {
        auto weights = weightsOf(in, head, params, context);
        if (!weights)
            return weights.error();
        return makeHedgehogMap(hedgehogKindOf(params.text("map")), in.q.cols(), *std::move(weights));
    }
    bool mapPerHead(const Params& params) const override { return params.text("weights") != "identity"; }
    Provenance provenance(const Params& params) const override { return isFit(params) ? Provenance::Fitted : Provenance::Implied; }
    Index features(Index dim, const Params& params) const override
    {
        const Tensor* const loaded = params.text("weights") == "loaded" ? params.tensor("q-weights") : nullptr;
        return 2 * (loaded ? loaded->cols() : dim);
    }
    double featureFlops(Index dim, const Params& params) const override
    {
        const auto products = params.text("weights") == "identity" ? 0.0 : static_cast<double>(dim * features(dim, params));
        return products + 4.0 * static_cast<double>(features(dim, params));
    }
};

/// φ(x) of both halves, rows of φ(q_i)·φ(k_j) over their sums; fitted weights are taken as given.
Result<DefinedMap> Hedgehog::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto weights = weightsOf(in, head, params, {});
    if (!weights)
        return weights.error();
    const auto kind = hedgehogKindOf(params.text("map"));
    const auto side = [kind](const Tensor* w) { return [kind, w](std::span<const float> x) { return definedHedgehog(kind, x, w); }; };
    return definedKernel(in, featuresOfRows(in.qOf(head), side(weights->q.get())), featuresOfRows(in.kOf(head), side(weights->k.get())));
}

TheoryCurve lossCurve(const char* rows, Index count, double entropy, const std::vector<double>& steps, const std::vector<double>& loss)
{
    return {.title = std::string("Distillation loss, ") + rows,
            .source = "Gibbs' inequality; loss as in Zhang et al. 2024",
            .quantity = "cross-entropy of softmax rows with Hedgehog's, in nats",
            .axis = "step",
            .kind = TheoryKind::LowerBound,
            .x = steps,
            .predicted = std::vector<double>(steps.size(), entropy),
            .measured = loss,
            .caption = "Mean over " + std::to_string(count) +
                       " rows of this sample. No map gets below the bound, the mean entropy of the exact rows."};
}

Result<std::vector<TheoryCurve>> Hedgehog::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    std::vector<TheoryCurve> curves{{.title = "No error bound",
                                     .source = "Zhang et al. 2024",
                                     .kind = TheoryKind::Guidance,
                                     .caption = "No theorem bounds the distance of these features from softmax attention: how close they "
                                                "come is what fitting them shows."}};
    if (!isFit(params))
        return curves;
    const auto fit = cachedHedgehogFit(in, head, HedgehogFitSettings::from(params), context);
    if (!fit)
        return fit.error();
    const HedgehogFit& f = **fit;
    curves.push_back(lossCurve("rows trained on", f.trainRows, f.trainEntropy, f.steps, f.train));
    if (f.heldOutRows > 0)
        curves.push_back(lossCurve("rows held out", f.heldOutRows, f.heldOutEntropy, f.steps, f.heldOut));
    return curves;
}

const MethodInfo& Hedgehog::info() const
{
    static const MethodInfo info{
        .id = "hedgehog",
        .title = "Hedgehog",
        .family = "kernel",
        .summary = "Features that are softmaxes (or exponentials) of W x and of -W x, with W fitted per head so that their attention is as "
                   "spiky as softmax attention and grows with q·k.",
        .formula = "φ(x) = [softmax(W x), softmax(−W x)],  Â_ij = φ_q(q_i)·φ_k(k_j) / Σ_l φ_q(q_i)·φ_k(k_l)",
        .assumes = "That W is fitted to data like those it is used on; the identity does hardly better than elu + 1.",
        .loses = "At most 2 d directions make up all rows, so untrained maps are nearly uniform; exp features subtract each key's own "
                 "largest value, which weighs keys anew. Fitted weights come from all tokens of the sample, also under a causal mask.",
        .learned = "W of queries and of keys is learned by distillation in the paper; here it is the identity, fitted to this sample in "
                   "the program, or loaded.",
        .reference = "Zhang et al., The Hedgehog and the Porcupine: Expressive Linear Attentions with Softmax Mimicry, ICLR 2024, "
                     "arXiv:2402.04347; feature maps and loss as in LoLCATs, arXiv:2410.10254",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .randomised = true,
        .params =
            {{.key = "map",
              .label = "Feature map",
              .kind = ParamKind::Choice,
              .choices = {"softmax", "exp", "exp-unshifted"},
              .help = "softmax: over the features of each half; exp: exponentials less each token's largest and smallest feature; "
                      "exp-unshifted: plain exp(±W x). The first two are at least 1e-12, as in LoLCATs' code."},
             {.key = "weights",
              .label = "Weights W",
              .kind = ParamKind::Choice,
              .choices = {"identity", "fit", "loaded"},
              .help = "identity: untrained; fit: fitted to rows of this sample by Adam, starting at the identity, on first use; loaded: "
                      "from q-weights and k-weights."},
             {.key = "steps",
              .label = "Steps",
              .initial = 100,
              .min = 1,
              .max = 5000,
              .integer = true,
              .help = "Of Adam, each on all rows that are trained on: up to 256, drawn by the seed, with up to 64 others held out."},
             {.key = "rate", .label = "Learning rate", .initial = 0.01, .min = 1e-5, .max = 1.0, .help = "Of Adam; LoLCATs takes 0.01."},
             {.key = "loss",
              .label = "Loss",
              .kind = ParamKind::Choice,
              .choices = {"xent", "xent-mse", "mse"},
              .help = "xent: cross-entropy of the rows; mse: 1000 times the mean squared difference of outputs, LoLCATs' default; "
                      "xent-mse: their sum."},
             {.key = "q-weights",
              .label = "W of queries",
              .kind = ParamKind::File,
              .help = "W of shape [D, F] or [heads, D, F], applied as x W."},
             {.key = "k-weights",
              .label = "W of keys",
              .kind = ParamKind::File,
              .help = "W of shape [D, F] or [heads, D, F], applied as x W."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> hedgehog() { return std::make_unique<Hedgehog>(); }

} // namespace attnscope::methods
