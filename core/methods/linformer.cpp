// SPDX-License-Identifier: GPL-3.0-or-later
// Linformer: softmax attention to keys and values that are projected along the
// sequence.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/sequence_projection.h"
#include "core/method/attention_method.h"
#include "core/scores/low_rank_source.h"

#include <Eigen/Core>

#include <algorithm>
#include <vector>

namespace attnscope::methods {

namespace {

constexpr Index kBlockRows = 128;

Index rankOf(const Shape& s, const Params& params)
{
    const Tensor* e = params.text("projection") == "loaded" ? params.tensor("e") : nullptr;
    return e ? e->rows() : std::min(params.integer("rank"), s.keys);
}

class Linformer final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override
    {
        const auto heads = static_cast<double>(s.batch * s.heads);
        const auto width = static_cast<double>(s.dim + s.valueDim);
        const auto rank = static_cast<double>(rankOf(s, params));
        const auto keys = static_cast<double>(s.keys);
        const auto queries = static_cast<double>(s.queries);
        const bool pooled = params.text("projection") == "mean-pool";
        const double projecting = pooled ? keys * width : 2.0 * keys * rank * width;
        const double drawn = params.text("projection") == "gaussian" ? 4.0 * keys * rank : 0.0;
        return {heads * (projecting + 2.0 * queries * rank * width),
                4.0 * heads * (queries + keys) * width + (pooled ? 0.0 : 8.0 * keys * rank),
                drawn + 4.0 * heads * (rank * width + queries * static_cast<double>(s.valueDim)) +
                    4.0 * static_cast<double>(kBlockRows * RunContext{}.threadCount()) * rank};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Index rankBound(const Shape& shape, const Params& params) const override { return rankOf(shape, params); }
};

Result<Tensor> Linformer::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, params, context); !ready)
        return ready.error();
    const auto projection = SequenceProjection::make(in, params, context);
    if (!projection)
        return projection.error();
    const Shape s = in.shape();
    std::vector<Tensor> keys(static_cast<std::size_t>(s.batch * s.heads));
    std::vector<Tensor> values(keys.size());
    bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index first, Index) {
        const HeadRef head{first / s.heads, first % s.heads};
        keys[static_cast<std::size_t>(first)] = projection->projectKeys(head, in.kOf(head));
        values[static_cast<std::size_t>(first)] = projection->projectValues(head, in.vOf(head));
    });
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const Index blocks = (s.queries + kBlockRows - 1) / kBlockRows;
    done = done && parallelFor(s.batch * s.heads * blocks, 1, context, [&](Index at, Index) {
               const HeadRef head{at / blocks / s.heads, at / blocks % s.heads};
               const auto h = static_cast<std::size_t>(at / blocks);
               const Index i = at % blocks * kBlockRows;
               const Index rows = std::min(kBlockRows, s.queries - i);
               Tensor p(1, 1, rows, projection->rank());
               gemmNT(in.qOf(head).rowRange(i, rows), keys[h].matrix(), p.matrix(), in.effectiveScale());
               softmaxRows(p.matrix(), projection->rank());
               gemmNN(p.matrix(), values[h].matrix(), out.matrix(head).rowRange(i, rows));
           });
    if (!done)
        return cancelledError();
    return out;
}

Result<std::shared_ptr<const ScoreSource>> Linformer::scores(const Inputs& in, HeadRef head, const Params& params,
                                                             const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    const auto projection = SequenceProjection::make(in, params, context);
    if (!projection)
        return projection.error();
    const Tensor keys = projection->projectKeys(head, in.kOf(head));
    LowRankFactors factors{Tensor(1, 1, in.q.rows(), projection->rank()), projection->valuesTransposed(head), in.k.rows()};
    if (!parallelGemmNT(in.qOf(head), keys.matrix(), factors.left.matrix(), in.effectiveScale(), context))
        return cancelledError();
    softmaxRows(factors.left.matrix(), projection->rank());
    return makeLowRankSource(std::move(factors));
}

/// softmax(scale Q (E K)ᵀ) F, with E and F written out.
Result<DefinedMap> Linformer::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto projection = SequenceProjection::make(in, params, {});
    if (!projection)
        return projection.error();
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const Index rank = projection->rank();
    Eigen::MatrixXd e(rank, k.rows);
    Eigen::MatrixXd f(rank, k.rows);
    for (Index r = 0; r < rank; ++r)
        for (Index j = 0; j < k.rows; ++j) {
            e(r, j) = static_cast<double>(projection->e(head, r, j));
            f(r, j) = static_cast<double>(projection->f(head, r, j));
        }
    DefinedMap map(q.rows, k.rows);
    for (Index i = 0; i < q.rows; ++i) {
        Eigen::VectorXd dots(k.rows);
        for (Index j = 0; j < k.rows; ++j)
            dots(j) = definedLogit(in, head, i, j);
        Eigen::VectorXd p = e * dots;
        p = (p.array() - p.maxCoeff()).exp();
        p /= p.sum();
        const Eigen::RowVectorXd row = p.transpose() * f;
        for (Index j = 0; j < k.rows; ++j)
            map.at(i, j) = row(j);
    }
    return map;
}

const MethodInfo& Linformer::info() const
{
    static const MethodInfo info{
        .id = "linformer",
        .title = "Linformer",
        .family = "landmark",
        .summary = "Attends to `rank` mixtures of keys and values instead of all "
                   "of them; the mixtures E and F are learned in the "
                   "paper, and untrained stand-ins or loaded matrices here. "
                   "Bidirectional only: E and F mix all positions.",
        .formula = "P̄ = softmax(s Q (E K)ᵀ),  O = P̄ (F V),  Â = P̄ F",
        .reference = "Wang et al., Linformer: Self-Attention with Linear "
                     "Complexity, 2020, arXiv:2006.04768, eq. 7",
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
              .help = "Rows k of E and F; cut at the number of keys, and not "
                      "used where E is loaded."},
             {.key = "projection",
              .label = "Projection",
              .kind = ParamKind::Choice,
              .choices = {"mean-pool", "gaussian", "loaded"},
              .help = "mean-pool: E = F averages blocks of keys; gaussian: E = F "
                      "with entries N(0, 1/k), rows then don't sum to 1; "
                      "loaded: E and F from files."},
             {.key = "e", .label = "E", .kind = ParamKind::File, .help = "E of shape [rank, keys] or [heads, rank, keys]."},
             {.key = "f", .label = "F", .kind = ParamKind::File, .help = "F, shaped like E; E serves for both where it is left out."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> linformer() { return std::make_unique<Linformer>(); }

} // namespace attnscope::methods
