// SPDX-License-Identifier: GPL-3.0-or-later
// EVA: exact attention within a window and one random-feature average for each chunk of keys, in one softmax.
#include "core/engine/eva.h"
#include "core/method/attention_method.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace attnscope::methods {

namespace {

EvaOptions optionsOf(const Params& params)
{
    return {params.integer("window"), params.integer("chunk"), params.text("correction") == "on", params.text("padding") == "official"};
}

class Eva final : public AttentionMethod {
public:
    const MethodInfo& info() const override;
    Cost cost(const Shape& s, const Params& params, bool causal) const override;
    Result<Tensor> run(const Inputs& in, const Params& params, const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, params, context); !ready)
            return ready.error();
        if (auto ready = checkLengths(in); !ready)
            return ready.error();
        return runEva(in, optionsOf(params), context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const Inputs& in, HeadRef head, const Params& params,
                                                      const RunContext& context) const override
    {
        if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
            return ready.error();
        if (auto ready = checkLengths(in); !ready)
            return ready.error();
        return makeEvaSource(in, head, optionsOf(params), context);
    }
    Result<DefinedMap> define(const Inputs& in, HeadRef head, const Params& params) const override;
    Result<std::vector<TheoryCurve>> theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const override;

private:
    static Result<void> checkLengths(const Inputs& in)
    {
        if (in.q.rows() > in.k.rows())
            return Error{Errc::InvalidShape,
                         "A window needs a place for each of the " + std::to_string(in.q.rows()) + " queries among only " +
                             std::to_string(in.k.rows()) + " keys.",
                         "Give at least as many keys as queries, or choose a method without positions."};
        return {};
    }
};

Cost Eva::cost(const Shape& s, const Params& params, bool) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const EvaOptions options = optionsOf(params);
    const double chunks = std::ceil(static_cast<double>(s.keys) / static_cast<double>(options.chunk));
    const double local = std::min(static_cast<double>(s.keys), static_cast<double>(std::max(options.window, options.chunk)));
    const auto n = static_cast<double>(s.queries);
    const auto m = static_cast<double>(s.keys);
    const auto width = static_cast<double>(s.dim + s.valueDim);
    return {heads * (2.0 * n * (local + chunks) * width + 4.0 * m * width), 4.0 * heads * (n + m) * width,
            4.0 * heads * (n * static_cast<double>(s.valueDim) + chunks * (width + 1.0) + m) +
                RunContext{}.threadCount() * 256.0 * (local + 128.0 + chunks)};
}

struct DefinedChunk {
    std::vector<double> mean;  ///< of its keys
    std::vector<double> share; ///< of each of its keys
};

/// Over `count` rows, or as many as there are where that is 0.
std::vector<double> meanOf(MatrixView<const float> x, Index first, Index last, Index count)
{
    const Index present = std::max<Index>(0, last - std::max<Index>(first, 0));
    std::vector<double> mean(static_cast<std::size_t>(x.cols), 0.0);
    for (Index i = std::max<Index>(first, 0); i < last; ++i)
        for (Index c = 0; c < x.cols; ++c)
            mean[static_cast<std::size_t>(c)] += x(i, c) / static_cast<double>(count > 0 ? count : present);
    return mean;
}

DefinedChunk definedChunk(const Inputs& in, HeadRef head, Index first, Index last, Index count)
{
    const auto k = in.kOf(head);
    const Index offset = k.rows - in.q.rows();
    DefinedChunk chunk{meanOf(k, first, last, count), {}};
    std::vector<double> mu = meanOf(in.qOf(head), first - offset, last - offset, count);
    for (std::size_t c = 0; c < mu.size(); ++c)
        mu[c] = (mu[c] + chunk.mean[c]) * (in.causal ? 1.0 : 0.5);
    double sum = 0.0;
    for (Index j = first; j < last; ++j) {
        double logit = 0.0;
        for (Index c = 0; c < k.cols; ++c)
            logit += mu[static_cast<std::size_t>(c)] * k(j, c) - 0.5 * k(j, c) * k(j, c);
        chunk.share.push_back(std::exp(logit * in.effectiveScale()));
        sum += chunk.share.back();
    }
    for (double& share : chunk.share)
        share /= sum;
    return chunk;
}

Result<DefinedMap> Eva::define(const Inputs& in, HeadRef head, const Params& params) const
{
    const EvaOptions options = optionsOf(params);
    const auto q = in.qOf(head);
    DefinedMap map(q.rows, in.k.rows());
    std::vector<DefinedChunk> chunks;
    // Zeros that fill up the last window, if they count, are keys of their chunks, too.
    const Index window = std::max<Index>(options.window, 1);
    const Index padded = options.padded ? (map.cols + window - 1) / window * window : map.cols;
    for (Index first = 0; first < padded; first += options.chunk)
        chunks.push_back(definedChunk(in, head, std::min(map.cols, first), std::min(map.cols, first + options.chunk),
                                      options.padded ? options.chunk : 0));
    for (Index i = 0; i < map.rows; ++i) {
        const Index place = i + map.cols - map.rows;
        const auto isLocal = [&](Index j) {
            const bool sameBlock = options.window > 0 && j / options.window == place / options.window;
            return in.causal ? j <= place && (sameBlock || j / options.chunk == place / options.chunk) : sameBlock;
        };
        double sum = 0.0;
        std::vector<double> weights;
        for (std::size_t c = 0; c < chunks.size(); ++c) {
            double logit = 0.0;
            for (Index d = 0; d < q.cols; ++d)
                logit += static_cast<double>(in.effectiveScale()) * q(i, d) * chunks[c].mean[static_cast<std::size_t>(d)];
            const bool seen = !in.causal || static_cast<Index>(c) < place / options.chunk;
            weights.push_back(
                seen ? std::exp(logit) * (options.correction ? std::max(1.0, static_cast<double>(chunks[c].share.size())) : 1.0) : 0.0);
            sum += weights.back();
        }
        for (Index j = 0; j < map.cols; ++j)
            sum += map.at(i, j) = isLocal(j) ? std::exp(definedLogit(in, head, i, j)) : 0.0;
        for (Index j = 0; j < map.cols; ++j) {
            const auto c = static_cast<std::size_t>(j / options.chunk);
            map.at(i, j) = (map.at(i, j) + weights[c] * chunks[c].share[static_cast<std::size_t>(j % options.chunk)]) / sum;
        }
    }
    return map;
}

Result<std::vector<TheoryCurve>> Eva::theory(const Inputs& in, HeadRef head, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, in, head, params, context); !ready)
        return ready.error();
    const EvaOptions options = optionsOf(params);
    TheoryCurve sentence{.title = "No bound", .source = "Zheng et al. 2023", .kind = TheoryKind::Guidance};
    sentence.caption = "No bound on the error is known: chunks are averaged without the noise that would make the estimate unbiased, and a "
                       "window's keys count a second time in its own chunks. ";
    sentence.caption += options.correction
                            ? "With ln(chunk size) added, flat attention comes out flat."
                            : "A chunk of " + std::to_string(options.chunk) + " keys has the logit of one key here, so the window weighs " +
                                  std::to_string(options.chunk) + " times too much where attention is flat.";
    return std::vector<TheoryCurve>{std::move(sentence)};
}

const MethodInfo& Eva::info() const
{
    static const MethodInfo info{
        .id = "eva",
        .title = "EVA",
        .family = "landmark",
        .summary = "One softmax over the exact logits of a window and one logit for each chunk of keys, whose values are averaged by "
                   "random-feature weights.",
        .formula = "Aᵢ = softmax([s qᵢ·kⱼ for j ∈ window(i), s qᵢ·k̄_c + b for every chunk c]),  oᵢ = Σⱼ Aᵢⱼ vⱼ + Σ_c Aᵢ_c β_c,  β_c = "
                   "softmax_{j∈c}(s (μ_c·kⱼ − |kⱼ|²/2)) V_c,  μ_c = (q̄_c + k̄_c)/2, causal: q̄_c + k̄_c;  b = 0, with correction ln |c|",
        .assumes = "What is far away can be told by the mean of its chunk.",
        .loses = "Single keys outside the window; as published, the window weighs too much, and its keys count twice.",
        .learned = "A linear layer and a norm behind the chunks' means; here the plain means, and no noise, as in evaluation.",
        .reference = "Zheng, Yuan, Wang, Kong, Efficient Attention via Control Variates, ICLR 2023, arXiv:2302.04542, section 4",
        .timeGrowth = "n (w + n/c) d",
        .memoryGrowth = "n/c d",
        .supportsCausal = true,
        .positional = true,
        .exactWith = {{"window", "0"}, {"chunk", "1"}},
        .params =
            {{.key = "window",
              .label = "Window",
              .unit = "keys",
              .initial = 64,
              .min = 0,
              .max = 65536,
              .integer = true,
              .help = "Keys are cut into blocks of this length; a query sees its own block exactly. The causal form sees its own chunk "
                      "exactly, too, where that starts earlier."},
             {.key = "chunk",
              .label = "Chunk",
              .unit = "keys",
              .initial = 16,
              .min = 1,
              .max = 65536,
              .integer = true,
              .help = "Keys that share one logit; the last chunk may be shorter. Chunks without queries of their own take 0 for their "
                      "mean query."},
             {.key = "correction",
              .label = "Chunk-size correction",
              .kind = ParamKind::Choice,
              .choices = {"off", "on"},
              .help = "off: as the official code; on: ln(chunk size) is added to a chunk's logit, so that it weighs as much as its keys."},
             {.key = "padding",
              .label = "Last window",
              .kind = ParamKind::Choice,
              .choices = {"cut", "official"},
              .help = "Where windows don't divide the length, cut: the last ones are shorter; official: zeros fill the last window and "
                      "count in the means of their chunks, and chunks of zeros alone take weight that goes nowhere, so rows no longer "
                      "sum to 1."}},
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> eva() { return std::make_unique<Eva>(); }

} // namespace attnscope::methods
