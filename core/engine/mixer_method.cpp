// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_method.h"

#include "core/engine/map_product.h"
#include "core/engine/mixer_run.h"
#include "core/engine/mixer_source.h"

#include <algorithm>
#include <string>

namespace attnscope {

namespace {

double sizeOf(Index a, Index b) { return static_cast<double>(a) * static_cast<double>(b); }

} // namespace

Cost MixerMethod::cost(const Shape& s, const Params&, bool) const
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto chunk = static_cast<double>(kMixerChunk);
    // Triangles of a chunk count as the pairs in them, like a causal mask; what is computed beyond those is no use to anyone.
    const double pairs = 0.5 * (chunk + 1.0);
    const auto keyDim = static_cast<double>(s.dim);
    const auto valueDim = static_cast<double>(s.valueDim);
    double perQuery = 2.0 * (pairs * (keyDim + valueDim) + keyDim * valueDim);
    double perKey = 2.0 * keyDim * valueDim;
    if (erasure() != Erasure::None)
        perKey += 2.0 * (keyDim * valueDim + pairs * (keyDim + valueDim));
    if (erasure() == Erasure::Free) {
        perQuery += 2.0 * pairs * (keyDim + valueDim);
        perKey += 2.0 * (keyDim * valueDim + pairs * (keyDim + valueDim));
    }
    const double flops = heads * (static_cast<double>(s.queries) * perQuery + static_cast<double>(s.keys) * perKey);
    const double inputs = heads * (static_cast<double>(s.queries + s.keys) * static_cast<double>(s.dim + s.valueDim));
    // What a method makes of one head's keys and queries, and the chunks that are worked on at once.
    const double factors = 4.0 * sizeOf(s.queries + 4 * s.keys, s.dim);
    const double scratch = 4.0 * (chunk * (12.0 * static_cast<double>(s.dim) + 6.0 * chunk) + sizeOf(s.dim, s.valueDim));
    const auto threads = static_cast<double>(RunContext{}.threadCount());
    return {flops, 4.0 * inputs, 4.0 * heads * sizeOf(s.queries, s.valueDim) + threads * factors + (64.0 + threads) * scratch};
}

Result<Tensor> MixerMethod::run(const Inputs& inputs, const Params& params, const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, inputs, params, context); !ready)
        return ready.error();
    return runMixer(
        inputs, [&](HeadRef head) { return factors(inputs, head, params); }, context);
}

Result<std::shared_ptr<const ScoreSource>> MixerMethod::scores(const Inputs& inputs, HeadRef head, const Params& params,
                                                               const RunContext& context) const
{
    if (auto ready = checkRunnable(*this, inputs, head, params, context); !ready)
        return ready.error();
    auto made = factors(inputs, head, params);
    if (!made)
        return made.error();
    const double need = 20.0 * sizeOf(inputs.q.rows() + inputs.k.rows(), inputs.q.cols());
    if (need > static_cast<double>(context.memoryBudget))
        return Error{Errc::OutOfMemory,
                     "The map of " + info().title + " needs about " + std::to_string(static_cast<long long>(need / 1048576.0)) +
                         " MiB here, more than the budget.",
                     "Shorten the input."};
    return makeMixerSource(std::move(*made), inputs.owner, context);
}

Result<Tensor> MixerMethod::runForm(std::string_view form, const Inputs& inputs, const Params& params, const RunContext& context) const
{
    if (form == "recurrent") {
        if (auto ready = checkRunnable(*this, inputs, params, context); !ready)
            return ready.error();
        return runMixerTokens(
            inputs, [&](HeadRef head) { return factors(inputs, head, params); }, context);
    }
    if (form == "matrix")
        return runByMap(*this, inputs, params, context);
    return AttentionMethod::runForm(form, inputs, params, context);
}

Result<std::vector<TheoryCurve>> MixerMethod::decayTheory(const Inputs& in, HeadRef head, std::optional<double> logDecay,
                                                          const std::string& source, const RunContext& context,
                                                          std::optional<double> deltaStrength) const
{
    std::vector<TheoryCurve> curves;
    if (logDecay)
        curves.push_back(halfLifeCurve(*logDecay, in.k.rows(), source));
    auto capacity = capacityCurve(in, head, deltaStrength, context);
    if (!capacity)
        return capacity.error();
    curves.push_back(std::move(*capacity));
    return curves;
}

} // namespace attnscope
