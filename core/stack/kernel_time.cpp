// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/kernel_time.h"

#include "core/stack/stack_memory.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

/// Loops over threads that a layer starts: normalisation, projections, mixing, output, and two or three of its feed-forward part.
constexpr double LaunchesPerLayer = 7.0;
constexpr double FewRows = 12.0; // below, a product waits for its weights

double d(Index value) { return static_cast<double>(value); }

class Sum {
public:
    explicit Sum(const KernelProfile& profile) : m_profile(profile) {}

    /// `work` units of a kernel at size n, into one term.
    void add(double CostTerms::*term, const KernelSpec& spec, double work, double n)
    {
        const auto at = m_profile.at(spec, n);
        m_time.terms.*term += 1e3 * work * at.unit.median;
        m_time.ms += 1e3 * work * at.unit.median;
        m_time.lowMs += 1e3 * work * at.unit.low;
        m_time.highMs += 1e3 * work * at.unit.high;
        const bool ofLength = spec.kind != KernelKind::Product && spec.kind != KernelKind::MixerStep;
        m_time.extrapolated |= at.extrapolated && work > 0.0 && ofLength;
    }
    void addProduct(double CostTerms::*term, double parameters, double rows) { add(term, {KernelKind::Product}, parameters * rows, rows); }

    /// Starting the kernels adds to the whole, to no part.
    PredictedTime done(double layers, bool waitsForMemory)
    {
        const double parts = m_time.ms;
        const auto launch = m_profile.at({KernelKind::Launch}, 0.0).unit;
        m_time.ms += 1e3 * layers * LaunchesPerLayer * launch.median;
        m_time.lowMs += 1e3 * layers * LaunchesPerLayer * launch.low;
        m_time.highMs += 1e3 * layers * LaunchesPerLayer * launch.high;
        m_time.bound = m_time.ms > 2.0 * parts ? Bound::Floor : waitsForMemory ? Bound::Traffic : Bound::Arithmetic;
        return m_time;
    }

private:
    const KernelProfile& m_profile;
    PredictedTime m_time;
};

double headsOf(const RecurrentShape& r)
{
    const auto spec = mixerKernel(r);
    const bool channels = spec.method == "mamba1" || spec.method == "rg-lru";
    return channels ? d(r.heads * r.valueDim) / d(kChannelsPerHead) : d(r.heads) * d(r.rank);
}

/// `rows` tokens through the products of one layer.
void addProducts(Sum& sum, const StackLayer& layer, Index hidden, double rows)
{
    const auto p = parametersOf(layer, hidden);
    sum.addProduct(&CostTerms::projections, p.mixer + p.recurrent, rows);
    if (layer.ffn.kind != FfnKind::Moe) {
        sum.addProduct(&CostTerms::ffn, p.ffn, rows);
        return;
    }
    const double experts = d(layer.ffn.experts);
    const double expert = (p.ffn - p.ffnActive) / std::max(1.0, experts - d(layer.ffn.active));
    const double hit = experts * (1.0 - std::pow(1.0 - d(layer.ffn.active) / experts, rows));
    sum.addProduct(&CostTerms::ffn, p.ffnActive - d(layer.ffn.active) * expert, rows);
    sum.addProduct(&CostTerms::ffn, expert * hit, rows * d(layer.ffn.active) / std::max(hit, 1.0));
}

void addMixer(Sum& sum, const RecurrentShape& r, const KernelSpec& spec, double tokens, double n)
{
    if (spec.kind == KernelKind::Product)
        sum.add(&CostTerms::state, spec, tokens * d(r.convChannels * r.convTaps), tokens);
    else
        sum.add(&CostTerms::state, spec, tokens * headsOf(r), n);
}

} // namespace

PredictedTime prefillByKernels(const Architecture& a, const KernelProfile& profile, double batch, double past, double fresh)
{
    Sum sum(profile);
    for (const auto& layer : a.layers) {
        addProducts(sum, layer, a.hidden, batch * fresh);
        const auto& attention = layer.attention;
        if (attention.kind != AttentionKind::None) {
            const double row = attention.window > 0 ? std::min(past + fresh, d(attention.window)) : past + fresh;
            sum.add(&CostTerms::attention, attentionKernel(attention), batch * d(attention.heads) * attentionPairs(attention, past, fresh),
                    row);
        }
        if (layer.recurrent)
            addMixer(sum, *layer.recurrent, mixerKernel(*layer.recurrent), batch * fresh, fresh);
    }
    sum.addProduct(&CostTerms::head, parametersOf(a).head, batch);
    return sum.done(d(static_cast<Index>(a.layers.size())), batch * fresh < FewRows);
}

PredictedTime decodeByKernels(const Architecture& a, const KernelProfile& profile, double batch, double n)
{
    Sum sum(profile);
    for (const auto& layer : a.layers) {
        addProducts(sum, layer, a.hidden, batch);
        const auto& attention = layer.attention;
        if (attention.kind != AttentionKind::None) {
            const double keys = attention.window > 0 ? std::min(n, d(attention.window)) : n;
            sum.add(&CostTerms::attention, attentionStepKernel(attention), batch * d(attention.kvHeads) * keys, keys);
        }
        if (layer.recurrent)
            addMixer(sum, *layer.recurrent, mixerStepKernel(*layer.recurrent), batch, 1.0);
    }
    sum.addProduct(&CostTerms::head, parametersOf(a).head, batch);
    return sum.done(d(static_cast<Index>(a.layers.size())), batch < FewRows);
}

} // namespace attnscope
