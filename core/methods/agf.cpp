// SPDX-License-Identifier: GPL-3.0-or-later
// AGF, the attentive graph filter: Efficient Attention with a polynomial filter between the softmaxed queries and keys.
#include "core/engine/graph_filter.h"
#include "core/engine/graph_filter_fit.h"
#include "core/engine/graph_filter_theory.h"
#include "core/engine/sequence_softmax.h"
#include "core/engine/support_softmax.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>

namespace attnscope::methods {

namespace {

constexpr Index kMostTokens = 2048; // for the frequency response, which needs exact attention

/// One head's filter, ready to be applied.
struct HeadFilter {
    FilterPolynomials polynomials;
    FilterEntries entries;
    std::vector<double> theta;
};

Result<HeadFilter> makeFilter(const Inputs& in, HeadRef head, const Params& params, const RunContext& context)
{
    const auto polynomials = FilterPolynomials::from(params);
    if (!polynomials)
        return polynomials.error();
    const bool unused = params.text("theta") == "init"; // g is 1 whatever the entries are
    const auto entries = unused ? Result<FilterEntries>(FilterEntries{}) : FilterEntries::from(in, head, params);
    if (!entries)
        return entries.error();
    auto theta = params.text("theta") == "lsq" ? fitCoefficients(in, head, *polynomials, *entries, context)
                                               : givenCoefficients(in, head, params, polynomials->order);
    if (!theta)
        return theta.error();
    return HeadFilter{*polynomials, *entries, *std::move(theta)};
}

void apply(const HeadFilter& filter, Index first, MatrixView<float> rows)
{
    applyFilter(filter.polynomials, filter.theta, filter.entries, first, rows);
}

class Agf final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;
    std::pair<Index, Index> fileShape(std::string_view key, const Shape& s, const Params& params) const override
    {
        return key == "theta-file" ? std::pair{Index{1}, params.integer("order") + 1} : std::pair{s.queries, s.dim};
    }
    Index rankBound(const Shape& s, const Params&) const override { return s.dim; }
};

Cost Agf::cost(const Shape& s, const Params& params, bool) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto entries = heads * static_cast<double>(s.queries * s.dim);
    const auto order = params.number("order") + 1.0;
    const int threads = RunContext{}.threadCount();
    Cost cost{sequenceSoftmaxFlops(s) + 6.0 * order * entries,
              4.0 * heads * static_cast<double>((s.queries + s.keys) * (s.dim + s.valueDim)), sequenceSoftmaxBytes(s, threads)};
    if (params.text("theta") == "lsq") {
        Shape one = s;
        one.valueDim = s.dim;
        cost.flops += streamingCost(one, fullPairs(s, false)).flops + entries * order * (2.0 * static_cast<double>(s.dim) + order);
        one.batch = one.heads = 1;
        cost.peakBytes += streamingCost(one, 0.0).peakBytes + 12.0 * static_cast<double>((s.queries + s.keys) * s.dim) +
                          8.0 * threads * 256.0 * (order + 2.0) * static_cast<double>(s.dim);
    }
    return cost;
}

Result<Tensor> Agf::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, params, context); !ready)
        return ready.error();
    std::vector<HeadFilter> filters;
    const Index heads = in.q.heads();
    for (Index h = 0; h < in.q.batch() * heads; ++h) {
        auto filter = makeFilter(in, {h / heads, h % heads}, params, context);
        if (!filter)
            return filter.error();
        filters.push_back(*std::move(filter));
        context.report(static_cast<double>(h + 1) / static_cast<double>(in.q.batch() * heads + 1));
    }
    const auto filter = [&](HeadRef head, Index first, MatrixView<float> rows) {
        apply(filters[static_cast<std::size_t>(head.batch * heads + head.head)], first, rows);
    };
    return runSequenceSoftmax(in, 1.0F, filter, context);
}

Result<std::shared_ptr<const ScoreSource>> Agf::scores(const Inputs& in, HeadRef head, const Params& params,
                                                       const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    const auto filter = makeFilter(in, head, params, context);
    if (!filter)
        return filter.error();
    auto factors = sequenceSoftmaxFactors(
        in, head, 1.0F, [&](HeadRef, Index first, MatrixView<float> rows) { apply(*filter, first, rows); }, context);
    if (!factors)
        return factors.error();
    return makeLowRankSource(*std::move(factors), params.text("theta") == "lsq" ? Provenance::Fitted : Provenance::Implied);
}

/// M_k = (U o T_k(Sigma)) V, one after the other.
std::vector<DefinedMap> definedTerms(const Inputs& in, HeadRef head, const FilterPolynomials& polynomials, const FilterEntries& entries)
{
    const auto rho = definedSoftmaxes(in, head, 1.0);
    std::vector<DefinedMap> terms(static_cast<std::size_t>(polynomials.order + 1), DefinedMap(in.q.rows(), in.k.rows()));
    std::vector<double> basis(terms.size());
    for (Index i = 0; i < in.q.rows(); ++i)
        for (Index f = 0; f < rho.dim; ++f) {
            polynomials.evaluate(entries.at(i, f), basis);
            for (std::size_t k = 0; k < terms.size(); ++k)
                for (Index j = 0; j < in.k.rows(); ++j)
                    terms[k].at(i, j) += rho.q(i, f) * basis[k] * rho.k(j, f);
        }
    return terms;
}

std::vector<double> definedFit(const Inputs& in, HeadRef head, const std::vector<DefinedMap>& terms)
{
    const DefinedMap exact = definedSoftmax(in, head, [](Index, Index) { return true; });
    const auto product = [](const DefinedMap& a, const DefinedMap& b) {
        double sum = 0.0;
        for (std::size_t c = 0; c < a.cells.size(); ++c)
            sum += a.cells[c] * b.cells[c];
        return sum;
    };
    std::vector<double> gram;
    std::vector<double> rhs;
    for (const auto& a : terms) {
        for (const auto& b : terms)
            gram.push_back(product(a, b));
        rhs.push_back(product(a, exact));
    }
    return solveNormalEquations(gram, rhs);
}

/// Â = Σ_k θ_k M_k. Terms of either sign may cancel, which magnifies rounding.
Result<DefinedMap> Agf::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto filter = makeFilter(in, head, params, {});
    if (!filter)
        return filter.error();
    const auto terms = definedTerms(in, head, filter->polynomials, filter->entries);
    const auto theta = params.text("theta") == "lsq" ? definedFit(in, head, terms) : filter->theta;
    DefinedMap map(in.q.rows(), in.k.rows());
    double largest = 0.0;
    double largestSum = 0.0;
    for (std::size_t c = 0; c < map.cells.size(); ++c) {
        double size = 0.0;
        for (std::size_t k = 0; k < terms.size(); ++k) {
            map.cells[c] += theta[k] * terms[k].cells[c];
            size += std::abs(theta[k] * terms[k].cells[c]);
        }
        largest = std::max(largest, std::abs(map.cells[c]));
        largestSum = std::max(largestSum, size);
    }
    map.condition = largest > 0.0 ? largestSum / largest : 1.0;
    return map;
}

TensorView<const float> oneHead(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

Result<std::vector<TheoryCurve>> Agf::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    const auto filter = makeFilter(in, head, params, context);
    if (!filter)
        return filter.error();
    std::vector<TheoryCurve> curves{{.title = "No error bound",
                                     .source = "Wi, Choi, Park 2025",
                                     .kind = TheoryKind::Guidance,
                                     .caption = "AGF does not approximate softmax attention and no bound towards it exists; its paper "
                                                "states which frequencies such filters pass. Least-squares coefficients are the "
                                                "closest filter on this sample, which says nothing of others."}};
    curves.push_back(filterCurve(filter->polynomials, filter->theta));
    if (in.q.rows() != in.k.rows() || in.q.rows() > kMostTokens)
        return curves;
    const Inputs one{oneHead(in.qOf(head)), oneHead(in.kOf(head)), oneHead(in.vOf(head)), false, in.effectiveScale(), in.owner};
    const auto exact = runSupportSoftmax(one, fullSupport(one.q.rows(), one.k.rows(), false), context);
    const auto filtered = runSequenceSoftmax(
        one, 1.0F, [&](HeadRef, Index first, MatrixView<float> rows) { apply(*filter, first, rows); }, context);
    if (!exact || !filtered)
        return cancelledError();
    curves.push_back(responseCurve(in.vOf(head), exact->matrix(), filtered->matrix()));
    return curves;
}

std::vector<ParamSpec> paramSpecs()
{
    return {{.key = "order",
             .label = "Order K",
             .initial = 5,
             .min = 1,
             .max = 10,
             .integer = true,
             .help = "The highest polynomial; published settings use 3 to 10. Not used where coefficients are loaded."},
            {.key = "polynomial",
             .label = "Polynomials",
             .kind = ParamKind::Choice,
             .choices = {"jacobi", "legendre", "chebyshev", "monomial"},
             .help = "As in its code: legendre is jacobi with α = β = 0; chebyshev is jacobi with α = β = -1/2, multiples of the usual "
                     "polynomials."},
            {.key = "theta",
             .label = "Coefficients θ",
             .kind = ParamKind::Choice,
             .choices = {"init", "lsq", "loaded"},
             .help = "init: 1, 0, .., 0, which is Efficient Attention; lsq: closest to softmax attention on this sample, by one exact "
                     "call (ours); loaded: from theta-file."},
            {.key = "sigma",
             .label = "Entries Σ",
             .kind = ParamKind::Choice,
             .choices = {"qk", "q", "abs-q", "constant", "loaded"},
             .help = "A stand-in of ours for X Wₛ, under a sigmoid: q ∘ k of the same token, q, |q|, or 0; loaded: X Wₛ from "
                     "sigma-file. Without effect on initial coefficients."},
            {.key = "alpha",
             .label = "α",
             .initial = 2.0,
             .min = -5.0,
             .max = 5.0,
             .help = "Of Jacobi polynomials; published settings are 1.5 and 2."},
            {.key = "beta",
             .label = "β",
             .initial = -1.0,
             .min = -5.0,
             .max = 5.0,
             .help = "Of Jacobi polynomials; published settings run from -2 to 2."},
            {.key = "theta-file",
             .label = "Raw θ",
             .kind = ParamKind::File,
             .help = "Raw coefficients of shape [1, K + 1] or [heads, 1, K + 1]: the first as it stands, the others through tanh, as in "
                     "its code with a fixed θ_0."},
            {.key = "sigma-file",
             .label = "X Wₛ",
             .kind = ParamKind::File,
             .help = "X Wₛ before the sigmoid, of shape [queries, D] or [heads, queries, D]."}};
}

const MethodInfo& Agf::info() const
{
    static const MethodInfo info{
        .id = "agf",
        .title = "AGF (attentive graph filter)",
        .family = "kernel",
        .summary = "Learns a graph filter in a basis of softmaxed queries and keys instead of approximating softmax attention: at its "
                   "initial coefficients it is Efficient Attention.",
        .formula = "Â = (U ∘ g(Σ)) V,  U = softmax over features of Q,  V = softmax over positions of Kᵀ,  g(x) = Σ_k θ_k T_k(x),  "
                   "Σ = sigmoid(X Wₛ)",
        .assumes = "That a filter of its own, learned with the rest of the model, serves better than the one softmax implies.",
        .loses = "There is no relation to the softmax target; rows sum to anything, may be negative, and high orders amplify. Nothing is "
                 "normalised or clipped here.",
        .learned = "Wₛ and θ are learned in the paper; here θ is the initial one, fitted to this sample by least squares, or loaded, and "
                   "Σ comes from a stand-in of ours or from a file.",
        .reference = "Wi, Choi, Park, Learning Advanced Self-Attention for Linear Transformers in the Singular Value Domain, IJCAI 2025, "
                     "pp. 6561-6569, doi 10.24963/ijcai.2025/730, arXiv:2505.08516",
        .timeGrowth = "n d² + n d K",
        .memoryGrowth = "d²",
        .rowsSumToOne = false,
        .nonNegative = false,
        .params = paramSpecs(),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> agf() { return std::make_unique<Agf>(); }

} // namespace attnscope::methods
