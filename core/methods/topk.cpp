// SPDX-License-Identifier: GPL-3.0-or-later
// The top-k oracle: each query keeps its k largest logits. It looks at every pair, so it is a reference, not a method to use.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/scratch.h"
#include "core/engine/lost_mass.h"
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace attnscope::methods {

namespace {

constexpr Index kQueries = 64;
constexpr Index kKeys = 512;

struct Kept {
    float weight; ///< the logit while selecting
    std::int32_t key;
};

/// Order of the heap: its top is the entry to give up first, the smaller logit or, of equal ones, the later key.
bool keepsLonger(const Kept& a, const Kept& b) { return a.weight != b.weight ? a.weight > b.weight : a.key < b.key; }

/// Streams the logits of `row` that start at key0 through the row's heap.
void selectFrom(const float* row, Index count, Index key0, std::size_t k, std::vector<Kept>& heap)
{
    for (Index j = 0; j < count; ++j) {
        if (heap.size() == k) {
            if (row[j] <= heap.front().weight) // equal ones too: the earlier key stays
                continue;
            std::pop_heap(heap.begin(), heap.end(), keepsLonger);
            heap.pop_back();
        }
        heap.push_back({row[j], static_cast<std::int32_t>(key0 + j)});
        std::push_heap(heap.begin(), heap.end(), keepsLonger);
    }
}

/// Logits become renormalised weights; keys are sorted.
void normalise(std::vector<Kept>& kept)
{
    float top = kept.front().weight;
    for (const Kept& entry : kept)
        top = std::max(top, entry.weight);
    double sum = 0.0;
    for (Kept& entry : kept)
        sum += static_cast<double>(entry.weight = std::exp(entry.weight - top));
    for (Kept& entry : kept)
        entry.weight = static_cast<float>(entry.weight / sum);
    std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.key < b.key; });
}

/// The kept keys of the queries [first, first + rows.size()).
void selectRows(const Inputs& in, HeadRef head, Index k, Index first, std::span<std::vector<Kept>> rows)
{
    thread_local Scratch scratch;
    const auto count = static_cast<Index>(rows.size());
    for (auto& row : rows)
        row.clear();
    const KeyMask mask = in.mask();
    const Index end = mask.visible(first + count - 1).last;
    for (Index key0 = mask.visible(first).first; key0 < end; key0 += kKeys) {
        const Index keys = std::min(kKeys, end - key0);
        const MatrixView<float> logits{scratch.floats(kQueries * kKeys), count, keys, keys};
        gemmNT(in.qOf(head).rowRange(first, count), in.kOf(head).rowRange(key0, keys), logits, in.effectiveScale());
        for (Index i = 0; i < count; ++i) {
            const KeyRange seen = mask.visible(first + i);
            const Index from = std::clamp<Index>(seen.first - key0, 0, keys);
            const Index to = std::clamp<Index>(seen.last - key0, from, keys);
            selectFrom(logits.row(i) + from, to - from, key0 + from, static_cast<std::size_t>(k), rows[static_cast<std::size_t>(i)]);
        }
    }
    for (auto& row : rows)
        normalise(row);
}

class TopkSource final : public ScoreSource {
public:
    TopkSource(const Inputs& inputs, std::vector<std::vector<Kept>> kept) : m_mask(inputs.mask()), m_kept(std::move(kept)) {}

    Index rows() const override { return static_cast<Index>(m_kept.size()); }
    Index cols() const override { return m_mask.keys; }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return m_mask.visible(row); }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        if (context.cancelled())
            return cancelledError();
        for (Index i = 0; i < out.rows; ++i) {
            std::fill_n(out.row(i), out.cols, 0.0F);
            const auto& kept = m_kept[static_cast<std::size_t>(row0 + i)];
            auto at = std::lower_bound(kept.begin(), kept.end(), col0, [](const Kept& a, Index key) { return a.key < key; });
            for (; at != kept.end() && at->key < col0 + out.cols; ++at)
                out(i, at->key - col0) = at->weight;
        }
        return {};
    }

private:
    KeyMask m_mask;
    std::vector<std::vector<Kept>> m_kept;
};

class Topk final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override;
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        std::vector<std::vector<Kept>> kept(static_cast<std::size_t>(in.q.rows()));
        const bool done = parallelFor(in.q.rows(), kQueries, context, [&](Index first, Index last) {
            selectRows(in, head, params.integer("k"), first,
                       std::span(kept).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
        });
        if (!done)
            return cancelledError();
        return std::shared_ptr<const ScoreSource>(std::make_shared<TopkSource>(in, std::move(kept)));
    }
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override
    {
        return lostMassTheory(*this, in, head, params, "k", {1, 2, 4, 8, 16, 32, 64, 128, 256}, TheoryKind::Prediction, context);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Index keysPerRow(const Shape&, const Params& params) const override { return params.integer("k"); }
};

Cost Topk::cost(const Shape& s, const Params& params, bool causal) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto queries = static_cast<double>(s.queries);
    const auto visible = static_cast<double>(s.keys);
    const double pairs = causal ? queries * (visible - queries) + 0.5 * queries * (queries + 1.0) : queries * visible;
    const auto kept = static_cast<double>(std::min(params.integer("k"), s.keys));
    const double output = 4.0 * heads * queries * static_cast<double>(s.valueDim);
    const double moved = 4.0 * heads * static_cast<double>(s.queries + s.keys) * static_cast<double>(s.dim + s.valueDim);
    const double threads = RunContext{}.threadCount();
    return {heads * (2.0 * pairs * static_cast<double>(s.dim) + 2.0 * queries * kept * static_cast<double>(s.valueDim)), moved,
            output + std::max(queries, threads * static_cast<double>(kQueries)) * kept * static_cast<double>(sizeof(Kept)) +
                threads * 4.0 * static_cast<double>(kQueries * kKeys)};
}

Result<Tensor> Topk::run(const Inputs& in, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, params, context); !ready)
        return ready.error();
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const Index blocks = (s.queries + kQueries - 1) / kQueries;
    const bool done = parallelFor(s.batch * s.heads * blocks, 1, context, [&](Index task, Index) {
        thread_local std::vector<std::vector<Kept>> rows(static_cast<std::size_t>(kQueries));
        const HeadRef head{task / (s.heads * blocks), task / blocks % s.heads};
        const Index first = task % blocks * kQueries;
        const auto kept = std::span(rows).first(static_cast<std::size_t>(std::min(kQueries, s.queries - first)));
        selectRows(in, head, params.integer("k"), first, kept);
        for (std::size_t i = 0; i < kept.size(); ++i) {
            const auto o = out.matrix(head).rowSpan(first + static_cast<Index>(i));
            std::fill(o.begin(), o.end(), 0.0F);
            for (const Kept& entry : kept[i])
                addScaledRow(o, entry.weight, in.vOf(head).rowSpan(entry.key));
        }
    });
    if (!done)
        return cancelledError();
    return out;
}

/// The k largest logits of each row; of equal ones the earlier key.
Result<DefinedMap> Topk::define(const Inputs& in, HeadRef head, const Params& params) const
{
    std::vector<std::vector<char>> kept(static_cast<std::size_t>(in.q.rows()), std::vector<char>(static_cast<std::size_t>(in.k.rows()), 0));
    for (Index i = 0; i < in.q.rows(); ++i) {
        const KeyRange seen = in.mask().visible(i);
        std::vector<double> logits(static_cast<std::size_t>(seen.size()));
        for (Index j = seen.first; j < seen.last; ++j)
            logits[static_cast<std::size_t>(j - seen.first)] = definedLogit(in, head, i, j);
        std::vector<std::size_t> order(logits.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
        order.resize(std::min(order.size(), static_cast<std::size_t>(params.integer("k"))));
        for (const auto j : order)
            kept[static_cast<std::size_t>(i)][static_cast<std::size_t>(seen.first) + j] = 1;
    }
    return definedSoftmax(in, head, [&](Index i, Index j) { return kept[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] != 0; });
}

const MethodInfo& Topk::info() const
{
    static const MethodInfo info{
        .id = "topk",
        .title = "Top-k (oracle)",
        .family = "reference",
        .summary = "Each query keeps its k largest weights, renormalised: no map with k keys a row and rows that sum to 1 loses less "
                   "attention (total variation); in Frobenius norm it is no bound. It looks at every pair to choose.",
        .formula = "Aᵢⱼ = e^(qᵢ·kⱼ/√d) / Σ_{l ∈ Tᵢ} e^(qᵢ·k_l/√d) for j ∈ Tᵢ, else 0;  Tᵢ = the k keys with the largest qᵢ·kⱼ",
        .assumes = "Few keys carry a row; which ones is known here from looking at all of them.",
        .loses = "The tail beyond the k largest weights, which is spread over those that are kept.",
        .reference = "Gupta et al., Memory-efficient Transformers via Top-k Attention, SustaiNLP 2021, arXiv:2106.06899",
        .timeGrowth = "n² d",
        .memoryGrowth = "n (k + d)",
        .supportsCausal = true,
        .supportsWindow = true,
        .mapIsQuadratic = true,
        .exactWith = {{"k", "4096"}},
        .params = {{.key = "k",
                    .label = "Keys a query",
                    .unit = "keys",
                    .initial = 32,
                    .min = 1,
                    .max = 4096,
                    .integer = true,
                    .help = "How many keys each query keeps; of equal logits the earlier key stays."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> topk() { return std::make_unique<Topk>(); }

} // namespace attnscope::methods
