// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/kernel_profile.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

double between(double a, double b, double share) { return std::exp(std::log(a) * (1.0 - share) + std::log(b) * share); }

std::string sizes(const KernelSpec& spec) { return " " + std::to_string(spec.dim) + "x" + std::to_string(spec.valueDim); }

void addOnce(std::vector<KernelSpec>& specs, const KernelSpec& spec)
{
    if (std::find(specs.begin(), specs.end(), spec) == specs.end())
        specs.push_back(spec);
}

/// The method that stands for a mixer, at the sizes of one head.
KernelSpec mixerOf(const RecurrentShape& r, KernelKind kind)
{
    if (r.method == "conv")
        return {};
    if (r.method == "mamba1")
        return {kind, r.method, r.keyDim, kChannelsPerHead, 1};
    if (r.method == "rg-lru" || r.method == "rwkv4") // a gated average a channel, both
        return {kind, "rg-lru", kChannelsPerHead, kChannelsPerHead, 1};
    return {kind, r.method == "linear" ? "linear-elu" : r.method, r.keyDim, r.valueDim, 1};
}

} // namespace

std::string nameOf(const KernelSpec& spec)
{
    switch (spec.kind) {
    case KernelKind::Attention:
    case KernelKind::Mixer:
        return spec.method + sizes(spec);
    case KernelKind::AttentionStep:
        return spec.method + " step" + sizes(spec) + " group " + std::to_string(spec.group);
    case KernelKind::MixerStep:
        return spec.method + " step" + sizes(spec);
    case KernelKind::Launch:
        return "launch";
    case KernelKind::Product:
        break;
    }
    return "product";
}

KernelSpec attentionKernel(const AttentionShape& a)
{
    return {KernelKind::Attention, "softmax", a.headDim, a.latent ? a.latent->valueDim : a.headDim, 1};
}

KernelSpec attentionStepKernel(const AttentionShape& a)
{
    if (a.latent) // scored against the latents themselves
        return {KernelKind::AttentionStep, "softmax", a.latent->latent + a.latent->ropeDim, a.latent->latent, a.heads};
    return {KernelKind::AttentionStep, "softmax", a.headDim, a.headDim, a.heads / std::max<Index>(a.kvHeads, 1)};
}

KernelSpec mixerKernel(const RecurrentShape& recurrent) { return mixerOf(recurrent, KernelKind::Mixer); }
KernelSpec mixerStepKernel(const RecurrentShape& recurrent) { return mixerOf(recurrent, KernelKind::MixerStep); }

std::vector<KernelSpec> kernelsOf(const std::vector<Architecture>& architectures)
{
    std::vector<KernelSpec> specs{{KernelKind::Product}, {KernelKind::Launch}};
    for (const auto& architecture : architectures)
        for (const auto& layer : architecture.layers) {
            if (layer.attention.kind != AttentionKind::None) {
                addOnce(specs, attentionKernel(layer.attention));
                addOnce(specs, attentionStepKernel(layer.attention));
            }
            if (layer.recurrent) {
                addOnce(specs, mixerKernel(*layer.recurrent));
                addOnce(specs, mixerStepKernel(*layer.recurrent));
            }
        }
    return specs;
}

bool KernelProfile::has(const KernelSpec& spec) const
{
    const auto found = kernels.find(nameOf(spec));
    return found != kernels.end() && !found->second.empty();
}

KernelTime KernelProfile::at(const KernelSpec& spec, double n) const
{
    if (!has(spec))
        return {};
    const auto& samples = kernels.at(nameOf(spec));
    if (samples.size() == 1 || n <= samples.front().n)
        return {samples.front().unit, samples.size() > 1 && n < samples.front().n};
    if (n > samples.back().n) {
        const auto& last = samples.back().unit;
        const auto& before = samples[samples.size() - 2].unit;
        return {{std::min(last.low, before.low), last.median, std::max(last.high, before.high)}, true};
    }
    std::size_t next = 1;
    while (samples[next].n < n)
        ++next;
    const auto& a = samples[next - 1];
    const auto& b = samples[next];
    const double share = std::log(n / a.n) / std::log(b.n / a.n);
    return {
        {between(a.unit.low, b.unit.low, share), between(a.unit.median, b.unit.median, share), between(a.unit.high, b.unit.high, share)},
        false};
}

} // namespace attnscope
