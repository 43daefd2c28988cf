// SPDX-License-Identifier: GPL-3.0-or-later
// Best core: what a low-rank method could reach with its own factors, which tells wrong subspaces from wrong coefficients.
#include "core/engine/best_core.h"
#include "core/compute/dense.h"
#include "core/method/registry.h"

#include <Eigen/Core>
#include <Eigen/SVD>

#include <algorithm>
#include <utility>

namespace attnscope::methods {

namespace {

/// The method that `of` names, at its defaults but for its own kind of rank.
struct Original {
    const AttentionMethod* method = nullptr;
    Params params;
};

Result<Original> originalOf(const Params& params)
{
    const auto found = requireMethod(params.text("of"));
    if (!found)
        return found.error();
    const auto& specs = (*found)->info().params;
    Original original{*found, defaultParams(specs, params.seed)};
    for (const auto& spec : specs)
        if (spec.key == "rank" || spec.key == "features" || spec.key == "landmarks")
            original.params.numbers[spec.key] = std::clamp(params.number("rank"), spec.min, spec.max);
    return original;
}

Index originalRank(const Shape& s, const Params& params)
{
    const auto original = originalOf(params);
    const Index rank = original ? original->method->rankBound(s, original->params) : 0;
    return std::min({rank > 0 ? rank : s.keys, s.queries, s.keys});
}

/// Above this many tokens a map without factors is not read whole.
constexpr Index kMostDense = 1024;

/// The original's map and its factors, which live as long as it does.
class OriginalMap {
public:
    static Result<OriginalMap> make(const Inputs& in, HeadRef head, const Params& params, const RunContext& context)
    {
        const auto original = originalOf(params);
        if (!original)
            return original.error();
        auto map = original->method->scores(in, head, original->params, context);
        if (!map)
            return map.error();
        OriginalMap made;
        made.m_map = *std::move(map);
        if (factorsOf(*made.m_map))
            return made;
        // Such as Nystromformer with a landmark for each token, which is exact: the map itself and the identity.
        const Index n = in.q.rows();
        const Index m = in.k.rows();
        if (std::max(n, m) > kMostDense)
            return Error{Errc::Unsupported, original->method->info().title + " has no low-rank factors on these inputs.",
                         "Lower the rank, or choose another method as `of`."};
        made.m_own = LowRankFactors{Tensor(1, 1, n, m), Tensor(1, 1, m, m), m};
        if (auto read = made.m_map->read({0, 0, n, m, 0}, Pool::Mean, made.m_own.left.matrix(), context); !read)
            return read.error();
        std::fill(made.m_own.right.values().begin(), made.m_own.right.values().end(), 0.0F);
        for (Index j = 0; j < m; ++j)
            made.m_own.right.matrix()(j, j) = 1.0F;
        return made;
    }

    const LowRankFactors& factors() const
    {
        const auto* const found = factorsOf(*m_map);
        return found ? *found : m_own;
    }

private:
    std::shared_ptr<const ScoreSource> m_map;
    LowRankFactors m_own;
};

class BestCore final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool) const override
    {
        const auto original = originalOf(params);
        const Cost own = original ? original->method->cost(s, original->params, false) : Cost{};
        const auto heads = static_cast<double>(s.batch * s.heads);
        const Index rank = originalRank(s, params);
        const double output = 4.0 * static_cast<double>(s.batch * s.heads * s.queries * s.valueDim);
        return {own.flops + heads * bestCoreFlops(s, rank), own.bytes, own.peakBytes + output + bestCoreBytes(s, rank)};
    }
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        auto factors = factorsFor(in, head, params, context);
        if (!factors)
            return factors.error();
        return makeLowRankSource(*std::move(factors), Provenance::Fitted);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Index rankBound(const Shape& s, const Params& params) const override { return originalRank(s, params); }

private:
    static Result<LowRankFactors> factorsFor(const Inputs& in, HeadRef head, const Params& params, const RunContext& context)
    {
        const auto map = OriginalMap::make(in, head, params, context);
        if (!map)
            return map.error();
        return bestCore(in, head, map->factors(), context);
    }
};

Result<Tensor> BestCore::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, params, context); !ready)
        return ready.error();
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        const HeadRef head{h / s.heads, h % s.heads};
        const auto factors = factorsFor(in, head, params, context);
        if (!factors)
            return factors.error();
        Tensor inner(1, 1, factors->right.cols(), s.valueDim);
        gemmTN(factors->right.matrix(), in.vOf(head), inner.matrix());
        gemmNN(factors->left.matrix(), inner.matrix(), out.matrix(head));
        context.report(static_cast<double>(h + 1) / static_cast<double>(s.batch * s.heads));
    }
    return out;
}

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// U of the columns of x, equally long, without directions of no more than rounding.
Eigen::MatrixXd definedBasis(MatrixView<const float> x)
{
    Eigen::MatrixXd columns(x.rows, x.cols);
    for (Index i = 0; i < x.rows; ++i)
        for (Index c = 0; c < x.cols; ++c)
            columns(i, c) = static_cast<double>(x(i, c));
    for (Index c = 0; c < x.cols; ++c)
        columns.col(c).normalize();
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(columns, Eigen::ComputeThinU);
    const Index kept = (svd.singularValues().array() > kLeastDirection * svd.singularValues()(0)).count();
    return svd.matrixU().leftCols(kept);
}

/// P_L A P_R, the exact map between projections on the spans of L and R, whose float32 values are taken as given.
Result<DefinedMap> BestCore::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const auto original = OriginalMap::make(in, head, params, {});
    if (!original)
        return original.error();
    const Eigen::MatrixXd left = definedBasis(original->factors().left.matrix());
    const Eigen::MatrixXd right = definedBasis(original->factors().right.matrix());
    DefinedMap map = definedSoftmax(in, head, [](Index, Index) { return true; });
    Eigen::Map<RowMajor> cells(map.cells.data(), map.rows, map.cols);
    const Eigen::MatrixXd core = left.transpose() * cells * right;
    cells = left * core * right.transpose();
    return map;
}

const MethodInfo& BestCore::info() const
{
    static const MethodInfo info{
        .id = "best-core",
        .title = "Best core of a low-rank method",
        .family = "reference",
        .summary = "Keeps the two factors of a low-rank method and puts the best matrix between them: the gap down to the SVD floor is a "
                   "wrong subspace, the gap up to the method itself is wrong coefficients. An oracle that needs the exact map.",
        .formula = "Â = L M* Rᵀ,  M* = argmin_M |A − L M Rᵀ|_F = (Lᵀ L)⁺ Lᵀ A R (Rᵀ R)⁺,  |A − A_r| ≤ |A − Â| ≤ |A − L Rᵀ|",
        .assumes = "That the method's map is a product of two thin factors, which holds without a mask.",
        .loses = "What lies outside the span of the method's own features or landmarks; rows need not sum to 1 and may be negative. "
                 "Directions of a factor below 1e-5 of its strongest are left out as rounding.",
        .reference =
            "An error decomposition of Attnscope's own; a core by least squares between two given subspaces as in CUR decompositions, "
            "Mahoney and Drineas, PNAS 2009",
        .timeGrowth = "n² (d + r)",
        .memoryGrowth = "n r",
        .randomised = true,
        .mapIsQuadratic = true,
        .rowsSumToOne = false,
        .nonNegative = false,
        .params = {{.key = "of",
                    .label = "Method",
                    .kind = ParamKind::Choice,
                    .choices = {"performer", "rfa", "linear-elu", "efficient", "cosformer", "agf", "hedgehog", "linformer", "nystromformer",
                                "lara", "skyformer"},
                    .help = "The method whose factors are kept; it runs at its defaults but for the rank."},
                   {.key = "rank",
                    .label = "Rank",
                    .initial = 64,
                    .min = 1,
                    .max = 1024,
                    .integer = true,
                    .help = "Its features, landmarks or projected length, where it has such a parameter."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> best_core() { return std::make_unique<BestCore>(); }

} // namespace attnscope::methods
