// SPDX-License-Identifier: GPL-3.0-or-later
// The attention of lucidrains' linear-attention-transformer, as its code computes it: softmaxes of q and k, causal buckets, local heads.
#include "core/engine/block_local.h"
#include "core/engine/bucket_causal.h"
#include "core/engine/kernel_source.h"
#include "core/engine/key_sums.h"
#include "core/engine/sequence_softmax.h"
#include "core/engine/support_softmax.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>

namespace attnscope::methods {

namespace {

constexpr double kLeastSum = 1e-3; // causal row sums are clamped here

bool isLiteral(const Params& params) { return params.text("preset") != "row-normalised"; }

float inputScale(const Inputs& in, const Params& params)
{
    return params.text("preset") == "scaled-inputs" ? std::sqrt(in.effectiveScale()) : 1.0F;
}

/// softmax(q) and exp(k), whose sums are clamped after the published factor d^(-1/2).
class CausalMap final : public SoftmaxLogs {
public:
    CausalMap(Index dim, float scale, bool clamped) : SoftmaxLogs(dim, scale), m_least(clamped ? kLeastSum * std::sqrt(double(dim)) : 0.0)
    {
    }
    bool dividesBySums() const override { return false; }
    double divisor(double sum, double logScale) const override
    {
        const double clamped = m_least > 0.0 ? std::max(sum, m_least * std::exp(-logScale)) : sum;
        return clamped > 0.0 ? clamped : 1.0; // a query that sees nothing has numerators 0
    }

private:
    double m_least;
};

class LucidrainsLinear final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& shape, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override;
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs&, HeadRef, const Params&, const RunContext&) const override
    {
        return std::vector<TheoryCurve>{{.title = "No error bound",
                                         .source = "the linear-attention-transformer package",
                                         .kind = TheoryKind::Guidance,
                                         .caption =
                                             "It is a mechanism of its own: no theorem bounds its distance from softmax attention, and no "
                                             "setting makes it vanish."}};
    }
    Index rankBound(const Shape& s, const Params& params) const override { return params.integer("local-heads") > 0 ? 0 : s.dim; }

private:
    Result<void> check(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const;
};

Result<void> LucidrainsLinear::check(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready;
    if (params.integer("local-heads") > 0 && in.q.rows() > in.k.rows())
        return Error{Errc::InvalidShape,
                     "Local heads need a place for each of the " + std::to_string(in.q.rows()) + " queries among only " +
                         std::to_string(in.k.rows()) + " keys.",
                     "Set local-heads to 0, or give at least as many keys as queries."};
    return {};
}

Cost LucidrainsLinear::cost(const Shape& s, const Params& params, bool causal) const
{
    const Index local = std::min(params.integer("local-heads"), s.heads);
    const auto share = static_cast<double>(local) / static_cast<double>(s.heads);
    const auto blocks = static_cast<double>(std::min(3 * params.integer("local-window"), s.keys));
    const double pairs = static_cast<double>(s.queries) * (causal ? 0.5 : 1.0) * blocks;
    const int threads = RunContext{}.threadCount();
    const Cost streamed = streamingCost(s, pairs);
    const auto states = static_cast<double>(s.batch * s.heads) * (static_cast<double>(s.keys) / 1024.0 + 2.0);
    const double walks = states * 12.0 * static_cast<double>(s.dim * (s.valueDim + 1));
    const double linear = causal ? kernelFlops(s, s.dim, true) : sequenceSoftmaxFlops(s);
    const double held = causal ? kernelBytes(s, s.dim, true, threads) + walks : sequenceSoftmaxBytes(s, threads);
    return {(1.0 - share) * linear + share * streamed.flops, streamed.bytes, held + (local > 0 ? streamed.peakBytes : 0.0)};
}

TensorView<const float> oneHead(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

Inputs headInputs(const Inputs& in, HeadRef head)
{
    return {oneHead(in.qOf(head)), oneHead(in.kOf(head)), oneHead(in.vOf(head)), in.causal, in.effectiveScale(), in.owner};
}

/// All heads of `in` as global ones.
Result<Tensor> runGlobal(const Inputs& in, const Params& params, const RunContext& context)
{
    const Shape s = in.shape();
    if (!in.causal) {
        const float factor = isLiteral(params) ? 1.0F / std::sqrt(static_cast<float>(s.dim)) : 1.0F;
        const auto literal = [factor](HeadRef, Index, MatrixView<float> rows) {
            for (Index i = 0; i < rows.rows; ++i)
                for (float& x : rows.rowSpan(i))
                    x *= factor;
        };
        return runSequenceSoftmax(in, inputScale(in, params), literal, context);
    }
    const CausalMap map(s.dim, inputScale(in, params), isLiteral(params));
    if (params.integer("bucket") == 1)
        return runKernel(in, map, context);
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const bool done = visitBuckets(in, map, params.integer("bucket"), context, [&](const QueryBlock& block) {
        for (Index i = 0; i < block.numerators.rows; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const double factor = 1.0 / map.divisor(block.denominators[at], static_cast<double>(block.logScale[at]));
            const auto from = block.numerators.rowSpan(i);
            std::transform(from.begin(), from.end(), out.matrix(block.head).row(block.first + i),
                           [factor](float x) { return static_cast<float>(factor * x); });
        }
    });
    if (!done)
        return cancelledError();
    return out;
}

Result<Tensor> LucidrainsLinear::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = check(in, {}, params, context); !ready)
        return ready.error();
    const Shape s = in.shape();
    const Index local = std::min(params.integer("local-heads"), s.heads);
    if (local == 0)
        return runGlobal(in, params, context);
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    for (Index h = 0; h < s.batch * s.heads; ++h) {
        const HeadRef head{h / s.heads, h % s.heads};
        if (head.head < local) {
            if (!runBlockLocal(in, head, params.integer("local-window"), out.matrix(head), context))
                return cancelledError();
            continue;
        }
        const auto rows = runGlobal(headInputs(in, head), params, context);
        if (!rows)
            return rows.error();
        std::copy(rows->values().begin(), rows->values().end(), out.matrix(head).data);
    }
    return out;
}

Result<std::shared_ptr<const ScoreSource>> LucidrainsLinear::scores(const Inputs& in, HeadRef head, const Params& params,
                                                                    const RunContext& context) const
{
    if (auto ready = check(in, head, params, context); !ready)
        return ready.error();
    if (head.head < params.integer("local-heads"))
        return makeBlockLocalSource(in, head, params.integer("local-window"), context);
    if (in.causal) {
        const CausalMap map(in.q.cols(), inputScale(in, params), isLiteral(params));
        const Index bucket = params.integer("bucket");
        return bucket == 1 ? makeKernelSource(in, head, map, context) : makeBucketSource(in, head, map, bucket, context);
    }
    auto factors = sequenceSoftmaxFactors(in, head, inputScale(in, params), {}, context);
    if (!factors)
        return factors.error();
    if (isLiteral(params))
        for (float& x : factors->left.values())
            x /= std::sqrt(static_cast<float>(in.q.cols()));
    return makeLowRankSource(*std::move(factors));
}

/// A local head: softmax over its own block of keys, the one before and, unless causal, the one after.
DefinedMap definedLocal(const Inputs& in, HeadRef head, Index window)
{
    const Index offset = in.k.rows() - in.q.rows();
    return definedSoftmax(in, head, [&](Index i, Index j) {
        const Index away = j / window - (i + offset) / window;
        return away >= -1 && away <= (in.causal ? 0 : 1);
    });
}

/// (d^(-1/2) softmax(q_i)) · exp(k_j) over its clamped sum, j in the buckets seen; bidirectional: softmax over positions instead.
Result<DefinedMap> LucidrainsLinear::define(const Inputs& in, HeadRef head, const Params& params) const
{
    if (head.head < params.integer("local-heads"))
        return definedLocal(in, head, params.integer("local-window"));
    const bool scaled = params.text("preset") == "scaled-inputs";
    const double scale = scaled ? std::sqrt(static_cast<double>(in.effectiveScale())) : 1.0;
    const double root = isLiteral(params) ? 1.0 / std::sqrt(static_cast<double>(in.q.cols())) : 1.0;
    const auto rho = definedSoftmaxes(in, head, scale);
    const auto k = in.kOf(head);
    const Index bucket = params.integer("bucket");
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        const Index place = i + map.cols - map.rows;
        const Index seen = !in.causal ? map.cols : bucket == 1 ? place + 1 : place / bucket * bucket;
        double sum = 0.0;
        for (Index j = 0; j < seen; ++j) {
            for (Index f = 0; f < rho.dim; ++f)
                map.at(i, j) += root * rho.q(i, f) * (in.causal ? std::exp(scale * static_cast<double>(k(j, f))) : rho.k(j, f));
            sum += map.at(i, j);
        }
        for (Index j = 0; in.causal && j < seen; ++j)
            map.at(i, j) /= isLiteral(params) ? std::max(sum, kLeastSum) : sum;
    }
    return map;
}

const MethodInfo& LucidrainsLinear::info() const
{
    static const MethodInfo info{
        .id = "lucidrains-linear",
        .title = "Linear attention (lucidrains)",
        .family = "kernel",
        .summary = "Efficient Attention as the library linear-attention-transformer codes it: bidirectional rows sum to d^(-1/2) rather "
                   "than 1, causal rows see earlier buckets, and the first heads may be local instead.",
        .formula = "O = d^(-1/2) ρ_q(Q) (ρ_k(K)ᵀ V);  causal: O_i = ρ_q(q_i)ᵀ Σ_j e^(k_j) v_jᵀ / max(ρ_q(q_i)ᵀ Σ_j e^(k_j), 0.001 √d), "
                   "j in the buckets before that of i (bucket 1: j ≤ i)",
        .assumes = "As Efficient Attention; with buckets, that local heads cover the blind spot.",
        .loses = "Bidirectional outputs shrink by √d; with a bucket above 1 a query ignores its own bucket, and those of the first one "
                 "get 0; sums below 0.001 √d are clamped, so such rows fade out. Local heads depend on places, the others don't.",
        .reference = "P. Wang (lucidrains), linear-attention-transformer 0.19.1 (linear_attn, causal_linear_attn, SelfAttention) and "
                     "local-attention, after Shen et al. 2021, arXiv:1812.01243",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .rowsSumToOne = false,
        .params = {{.key = "bucket",
                    .label = "Causal bucket",
                    .unit = "tokens",
                    .initial = 1,
                    .min = 1,
                    .max = 65536,
                    .integer = true,
                    .help = "The library's blindspot_size: above 1, a query sees the buckets before its own alone."},
                   {.key = "local-heads",
                    .label = "Local heads",
                    .unit = "heads",
                    .initial = 0,
                    .min = 0,
                    .max = 1024,
                    .integer = true,
                    .help = "The first heads attend by softmax to their own block of keys, the one before and, unless causal, the one "
                            "after."},
                   {.key = "local-window",
                    .label = "Local window",
                    .unit = "tokens",
                    .initial = 128,
                    .min = 1,
                    .max = 65536,
                    .integer = true,
                    .help = "Length of these blocks, which begin at the first key; the library asks for a length that it divides, here the "
                            "last block may be shorter."},
                   {.key = "preset",
                    .label = "Preset",
                    .kind = ParamKind::Choice,
                    .choices = {"literal", "row-normalised", "scaled-inputs"},
                    .help = "literal: as coded; row-normalised: times √d and without the clamp, so that rows sum to 1 where they see "
                            "anything; scaled-inputs: literal, of q and k times the square root of the logit scale. The last two are "
                            "ours."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> lucidrains_linear() { return std::make_unique<LucidrainsLinear>(); }

} // namespace attnscope::methods
