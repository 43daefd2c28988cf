// SPDX-License-Identifier: GPL-3.0-or-later
// Linformer: softmax attention to keys and values that are projected along the sequence.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/landmark.h"
#include "core/engine/linformer_oracles.h"
#include "core/engine/support_softmax.h"
#include "core/method/attention_method.h"

#include <Eigen/Core>
#include <Eigen/QR>

#include <algorithm>
#include <vector>

namespace attnscope::methods {

namespace {

Index rankOf(const Shape& s, const Params& params)
{
    const Tensor* e = params.text("projection") == "loaded" ? params.tensor("e") : nullptr;
    return e ? e->rows() : std::min(params.integer("rank"), s.keys);
}

bool isDrawn(const Params& params)
{
    const std::string& kind = params.text("projection");
    return kind == "gaussian" || kind == "theorem-1" || kind == "theorem-2";
}

/// Choices that need the exact map.
bool isOracle(const Params& params) { return params.text("projection") == "theorem-1" || params.text("projection") == "oracle-f"; }

class Linformer final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Index rankBound(const Shape& shape, const Params& params) const override { return rankOf(shape, params); }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        return linformerTheory(in, head, rankOf(in.shape(), params), params.seed, context);
    }

private:
    Result<Tensor> runOracle(const Inputs& in, const Params& params, const SequenceProjection& projection, const RunContext& context) const;
};

Cost Linformer::cost(const Shape& s, const Params& params, bool) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto width = static_cast<double>(s.dim + s.valueDim);
    const auto rank = static_cast<double>(rankOf(s, params));
    const auto keys = static_cast<double>(s.keys);
    const auto queries = static_cast<double>(s.queries);
    const double drawn = isDrawn(params) ? 4.0 * keys * rank : 0.0;
    const double output = 4.0 * heads * queries * static_cast<double>(s.valueDim);
    if (isOracle(params)) {
        const double pairs = fullPairs(s, false);
        const double passes = params.text("projection") == "oracle-f" ? 2.0 : 1.0;
        const double apply = 2.0 * (queries + keys) * rank * static_cast<double>(s.valueDim);
        return {heads * (2.0 * passes * pairs * (static_cast<double>(s.dim) + rank) + apply), 4.0 * heads * (queries + keys) * width,
                drawn + output + heads * 4.0 * (queries + keys) * rank + 24.0 * queries * rank +
                    RunContext{}.threadCount() * (streamScratchBytes(s.dim, rankOf(s, params)) + 262144.0)};
    }
    const bool dense = isDrawn(params) || params.text("projection") == "loaded";
    const double projecting = dense ? 2.0 * keys * rank * width : keys * width;
    return {heads * (projecting + 2.0 * queries * rank * width), 4.0 * heads * (queries + keys) * width + (dense ? 8.0 * keys * rank : 0.0),
            drawn + 4.0 * heads * rank * width + output + RunContext{}.threadCount() * streamScratchBytes(s.dim, s.valueDim)};
}

Result<LowRankFactors> oracleFactors(const Inputs& in, HeadRef head, const Params& params, const SequenceProjection& projection,
                                     const RunContext& context)
{
    return params.text("projection") == "oracle-f" ? bestValues(in, head, projection, context)
                                                   : projectedSoftmax(in, head, projection, context);
}

Result<Tensor> Linformer::runOracle(const Inputs& in, const Params& params, const SequenceProjection& projection,
                                    const RunContext& context) const
{
    const Shape s = in.shape();
    std::vector<LowRankFactors> factors;
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        auto made = oracleFactors(in, {h / s.heads, h % s.heads}, params, projection, context);
        if (!made)
            return made.error();
        factors.push_back(*std::move(made));
    }
    return applyFactors(in, factors, context);
}

Result<Tensor> Linformer::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, params, context); !ready)
        return ready.error();
    const auto projection = SequenceProjection::make(in, params, context);
    if (!projection)
        return projection.error();
    if (isOracle(params))
        return runOracle(in, params, *projection, context);
    const Shape s = in.shape();
    std::vector<Tensor> keys(static_cast<std::size_t>(s.batch * s.heads));
    std::vector<Tensor> values(keys.size());
    const bool few = s.batch * s.heads < context.threadCount(); // then threads share each head
    const auto projectHead = [&](Index h, const RunContext& within) {
        const HeadRef head{h / s.heads, h % s.heads};
        keys[static_cast<std::size_t>(h)] = projection->projectKeys(head, in.kOf(head), within);
        values[static_cast<std::size_t>(h)] = projection->projectValues(head, in.vOf(head), within);
    };
    RunContext alone = context;
    alone.threads = 1;
    for (Index h = 0; few && h < s.batch * s.heads; ++h)
        projectHead(h, context);
    if (!few)
        parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) { projectHead(h, alone); });
    if (context.cancelled())
        return cancelledError();
    return attendToFew(in, keys, values, context);
}

Result<std::shared_ptr<const ScoreSource>> Linformer::scores(const Inputs& in, HeadRef head, const Params& params,
                                                             const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    const auto projection = SequenceProjection::make(in, params, context);
    if (!projection)
        return projection.error();
    if (isOracle(params)) {
        auto factors = oracleFactors(in, head, params, *projection, context);
        if (!factors)
            return factors.error();
        return makeLowRankSource(*std::move(factors));
    }
    const Tensor keys = projection->projectKeys(head, in.kOf(head));
    auto left = softmaxOfFew(in.qOf(head), keys.matrix(), in.effectiveScale(), context);
    if (!left)
        return left.error();
    return makeLowRankSource({*std::move(left), projection->valuesTransposed(head), in.k.rows()});
}

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// softmax(scale Q (E K)ᵀ), or of the largest keys of each block.
RowMajor definedWeights(const Inputs& in, HeadRef head, const SequenceProjection& projection)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    RowMajor pooled = RowMajor::Zero(projection.rank(), k.cols);
    for (Index r = 0; r < pooled.rows(); ++r)
        for (Index c = 0; c < k.cols; ++c)
            if (projection.keyMix() == SequenceMix::Max) {
                pooled(r, c) = k(projection.blockStart(r), c);
                for (Index j = projection.blockStart(r); j < projection.blockStart(r + 1); ++j)
                    pooled(r, c) = std::max<double>(pooled(r, c), k(j, c));
            } else {
                for (Index j = 0; j < k.rows; ++j)
                    pooled(r, c) += projection.e(head, r, j) * k(j, c);
            }
    RowMajor p(q.rows, pooled.rows());
    for (Index i = 0; i < q.rows; ++i) {
        for (Index r = 0; r < pooled.rows(); ++r) {
            p(i, r) = 0.0;
            for (Index c = 0; c < q.cols; ++c)
                p(i, r) += static_cast<double>(in.effectiveScale()) * q(i, c) * pooled(r, c);
        }
        p.row(i) = (p.row(i).array() - p.row(i).maxCoeff()).exp();
        p.row(i) /= p.row(i).sum();
    }
    return p;
}

/// P̄ F with F written out; P RᵀR; or P̄ P̄⁺ A.
Result<DefinedMap> Linformer::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto projection = SequenceProjection::make(in, params, {});
    if (!projection)
        return projection.error();
    DefinedMap map = definedSoftmax(in, head, [](Index, Index) { return true; });
    Eigen::Map<RowMajor> cells(map.cells.data(), map.rows, map.cols);
    if (params.text("projection") == "oracle-f") {
        const RowMajor weights = definedWeights(in, head, *projection);
        cells = (weights * weights.completeOrthogonalDecomposition().solve(cells)).eval();
        return map;
    }
    RowMajor f(projection->rank(), map.cols);
    for (Index r = 0; r < f.rows(); ++r)
        for (Index j = 0; j < map.cols; ++j)
            f(r, j) = projection->f(head, r, j);
    if (params.text("projection") == "theorem-1")
        cells = (cells * f.transpose() * f).eval();
    else
        cells = definedWeights(in, head, *projection) * f;
    return map;
}

const MethodInfo& Linformer::info() const
{
    static const MethodInfo info{
        .id = "linformer",
        .title = "Linformer",
        .family = "landmark",
        .summary =
            "Attends to `rank` mixtures of keys and values instead of all of them; the mixtures E and F are learned in the paper, and "
            "untrained stand-ins or loaded matrices here. Bidirectional only: E and F mix all positions.",
        .formula = "P̄ = softmax(s Q (E K)ᵀ),  O = P̄ (F V),  Â = P̄ F",
        .assumes = "Neighbouring keys are alike, so that a mixture can stand for all of them.",
        .loses = "Everything that differs within a block: single keys can't be picked out, and where neighbours don't belong together a "
                 "larger rank can even be worse.",
        .learned = "E and F, fixed for one length; here blocks are averaged, or matrices are drawn or loaded.",
        .reference = "Wang et al., Linformer: Self-Attention with Linear Complexity, 2020, arXiv:2006.04768, eq. 7",
        .timeGrowth = "n k d",
        .memoryGrowth = "n k",
        .randomised = true,
        .positional = true,
        .exactWith = {{"rank", "8192"}},
        .params =
            {{.key = "rank",
              .label = "Projected length",
              .initial = 64,
              .min = 1,
              .max = 8192,
              .integer = true,
              .help = "Rows k of E and F; cut at the number of keys, and not used where E is loaded."},
             {.key = "projection",
              .label = "Projection",
              .kind = ParamKind::Choice,
              .choices = {"mean-pool", "gaussian", "theorem-1", "theorem-2", "conv", "max-pool", "loaded", "oracle-f"},
              .help = "mean-pool: E = F averages blocks of keys; gaussian: E = F with entries N(0, 1/k), rows then don't sum to 1; "
                      "theorem-1: P RᵀR with the exact P, a theorem, not an algorithm (quadratic); theorem-2: E = δR, F = e^-δ R; "
                      "conv: a sin² kernel with a stride of one block; max-pool: largest features of a block's keys, averaged values "
                      "(the largest values would be no map); loaded: E and F from files; oracle-f: the best F for averaged keys, from "
                      "the exact map (quadratic)."},
             {.key = "delta",
              .label = "δ of theorem 2",
              .initial = 0.0,
              .min = 0.0,
              .max = 1.0,
              .help = "Scale of E in theorem-2; 0 takes 1 / keys."},
             {.key = "e", .label = "E", .kind = ParamKind::File, .help = "E of shape [rank, keys] or [heads, rank, keys]."},
             {.key = "f", .label = "F", .kind = ParamKind::File, .help = "F, shaped like E; E serves for both where it is left out."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> linformer() { return std::make_unique<Linformer>(); }

} // namespace attnscope::methods
