// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_design.h"

#include "core/stack/usual_mixers.h"

#include <algorithm>
#include <map>
#include <optional>

namespace attnscope {

namespace {

constexpr Index MaxLayers = 4096;
constexpr Index MaxSize = Index{1} << 24;
constexpr Index MaxDim = Index{1} << 17;

Error badLayer(const Architecture& a, Index index)
{
    return {Errc::InvalidParam,
            "There is no layer " + std::to_string(index) + ": the layers are 0 to " +
                std::to_string(static_cast<Index>(a.layers.size()) - 1) + ".",
            "Choose one of them."};
}

bool hasLayer(const Architecture& a, Index index) { return index >= 0 && index < static_cast<Index>(a.layers.size()); }

StackLayer& layerOf(Architecture& a, Index index) { return a.layers[static_cast<std::size_t>(index)]; }

bool mixes(const StackLayer& layer) { return layer.attention.kind != AttentionKind::None || layer.recurrent; }

/// The group of layers that each one shares its weights with, by the number of the group's first.
std::vector<Index> groupsOf(const Architecture& a)
{
    std::vector<Index> groups;
    for (std::size_t i = 0; i < a.layers.size(); ++i)
        groups.push_back(a.layers[i].sharedWith.value_or(static_cast<Index>(i)));
    return groups;
}

/// The first of each group, in the present order, owns the weights.
void regroup(Architecture& a, const std::vector<Index>& groups)
{
    std::map<Index, Index> first;
    for (std::size_t i = 0; i < a.layers.size(); ++i) {
        const auto [at, isFirst] = first.emplace(groups[i], static_cast<Index>(i));
        a.layers[i].sharedWith = isFirst ? std::nullopt : std::optional(at->second);
    }
}

Architecture designed(Architecture a)
{
    a.decidedBy = kDesigned;
    return a;
}

/// Gives layer `index` weights of its own; a group that it owned goes on with its next layer.
void detach(Architecture& a, Index index)
{
    auto groups = groupsOf(a);
    groups[static_cast<std::size_t>(index)] = -1 - index;
    regroup(a, groups);
    layerOf(a, index).joinDim = 0;
}

Result<void> putMixer(Architecture& a, Index index, const std::string& mixer)
{
    auto made = usualMixer(a, mixer);
    if (!made)
        return made.error();
    detach(a, index);
    auto& layer = layerOf(a, index);
    layer.attention = made->attention;
    layer.recurrent = made->recurrent;
    return {};
}

/// `found` becomes `value` where it was 0, and 0 again where values differ.
struct Common {
    Index value = 0;
    bool differs = false;
    void see(Index next)
    {
        differs |= value != 0 && value != next;
        value = next;
    }
    operator Index() const { return differs ? 0 : value; }
};

void setIf(Index& size, Index wanted)
{
    if (wanted > 0)
        size = wanted;
}

void setAttention(AttentionShape& a, const StackDims& dims, Index before, Index hidden)
{
    a.inputDim = a.inputDim == before ? hidden : a.inputDim * hidden / std::max<Index>(before, 1);
    setIf(a.heads, dims.heads);
    setIf(a.kvHeads, dims.kvHeads);
    if (!a.latent)
        setIf(a.headDim, dims.headDim);
    if (a.kind != AttentionKind::Full)
        setIf(a.window, dims.window);
}

Index keysOf(const RecurrentShape& r)
{
    return r.method == "mamba2" ? r.groups * r.keyDim : (r.keyHeads > 0 ? r.keyHeads : r.heads) * r.keyDim;
}

/// Convolutions go on running over what they ran over: values alone, or keys and queries too; further state grows likewise.
void setRecurrent(RecurrentShape& r, const StackDims& dims, Index hidden)
{
    const RecurrentShape before = r;
    setIf(r.heads, dims.stateHeads);
    if (r.keyHeads > r.heads)
        r.keyHeads = r.heads;
    setIf(r.keyDim, dims.keyDim);
    setIf(r.valueDim, dims.valueDim);
    if (r.convChannels > 0) {
        const Index others = r.convChannels - before.heads * before.valueDim;
        r.convChannels = r.heads * r.valueDim + others * keysOf(r) / std::max<Index>(keysOf(before), 1);
    }
    if (r.method == "mamba3") {
        r.extraFloats = r.extraFloats * (r.heads * r.keyDim) / std::max<Index>(before.heads * before.keyDim, 1);
        r.extraElements = r.heads * (r.rank * r.keyDim + r.valueDim);
    }
    if (r.method.starts_with("rwkv") && r.extraElements > 0)
        r.extraElements = 2 * hidden;
}

/// What a layer became, where that can't be.
std::optional<Error> wrongSizes(const StackLayer& layer)
{
    const auto& a = layer.attention;
    if (a.kind != AttentionKind::None && a.heads % std::max<Index>(a.kvHeads, 1) != 0)
        return Error{Errc::InvalidParam,
                     std::to_string(a.kvHeads) + " key heads do not divide the " + std::to_string(a.heads) + " query heads.",
                     "Take a divisor."};
    if (layer.recurrent &&
        std::max({layer.recurrent->convChannels, layer.recurrent->extraFloats, layer.recurrent->extraElements}) > MaxSize)
        return Error{Errc::InvalidParam, "The recurrent mixers would be wider than 16777216 channels.", "Take fewer or narrower heads."};
    return std::nullopt;
}

} // namespace

Result<Architecture> moveLayer(Architecture a, Index from, Index to)
{
    for (const Index index : {from, to})
        if (!hasLayer(a, index))
            return badLayer(a, index);
    auto groups = groupsOf(a);
    const auto move = [&](auto& list) {
        const auto begin = list.begin();
        if (from < to)
            std::rotate(begin + from, begin + from + 1, begin + to + 1);
        else
            std::rotate(begin + to, begin + from, begin + from + 1);
    };
    move(a.layers);
    move(groups);
    regroup(a, groups);
    return designed(std::move(a));
}

Result<Architecture> duplicateLayer(Architecture a, Index index)
{
    if (!hasLayer(a, index))
        return badLayer(a, index);
    if (static_cast<Index>(a.layers.size()) >= MaxLayers)
        return Error{Errc::InvalidParam, "A stack has at most 4096 layers.", "Remove one first."};
    auto groups = groupsOf(a);
    const StackLayer copy = layerOf(a, index);
    a.layers.insert(a.layers.begin() + index + 1, copy);
    groups.insert(groups.begin() + index + 1, Index{-1});
    regroup(a, groups);
    return designed(std::move(a));
}

Result<Architecture> removeLayer(Architecture a, Index index)
{
    if (!hasLayer(a, index))
        return badLayer(a, index);
    if (a.layers.size() == 1)
        return Error{Errc::InvalidParam, "A stack has at least one layer.", "Change its mixer instead."};
    auto groups = groupsOf(a);
    a.layers.erase(a.layers.begin() + index);
    groups.erase(groups.begin() + index);
    regroup(a, groups);
    return designed(std::move(a));
}

Result<Architecture> setMixer(Architecture a, Index index, const std::string& mixer)
{
    if (!hasLayer(a, index))
        return badLayer(a, index);
    if (auto put = putMixer(a, index, mixer); !put)
        return put.error();
    return designed(std::move(a));
}

Result<Architecture> setPattern(Architecture a, const StackPattern& pattern)
{
    if (pattern.every < 0 || pattern.offset < 0 || (pattern.every > 0 && pattern.offset >= pattern.every))
        return Error{Errc::InvalidParam, "The offset of a pattern must be below its period.",
                     "Every 8th layer from layer 4, for example, is period 8 and offset 4."};
    const Architecture before = a; // sizes are those of its layers, whatever was replaced already
    Index seen = 0;
    for (Index i = 0; i < static_cast<Index>(a.layers.size()); ++i) {
        if (!mixes(layerOf(a, i)))
            continue;
        const bool attends = pattern.every > 0 && seen++ % pattern.every == pattern.offset;
        auto made = usualMixer(before, attends ? pattern.attention : pattern.other);
        if (!made)
            return made.error();
        detach(a, i);
        layerOf(a, i).attention = made->attention;
        layerOf(a, i).recurrent = made->recurrent;
    }
    return designed(std::move(a));
}

StackDims dimsOf(const Architecture& a)
{
    Common heads, kvHeads, headDim, window, stateHeads, keyDim, valueDim, ffnWidth;
    for (const auto& layer : a.layers) {
        if (layer.attention.kind != AttentionKind::None) {
            heads.see(layer.attention.heads);
            kvHeads.see(layer.attention.kvHeads);
            headDim.see(layer.attention.headDim);
            if (layer.attention.window > 0)
                window.see(layer.attention.window);
        }
        if (layer.recurrent && layer.recurrent->heads > 0) {
            stateHeads.see(layer.recurrent->heads);
            keyDim.see(layer.recurrent->keyDim);
            valueDim.see(layer.recurrent->valueDim);
        }
        if (layer.ffn.kind != FfnKind::None)
            ffnWidth.see(layer.ffn.width);
    }
    return {a.hidden, heads, kvHeads, headDim, window, stateHeads, keyDim, valueDim, ffnWidth};
}

Result<Architecture> setDims(Architecture a, const StackDims& dims)
{
    for (const Index size :
         {dims.hidden, dims.heads, dims.kvHeads, dims.headDim, dims.window, dims.stateHeads, dims.keyDim, dims.valueDim, dims.ffnWidth})
        if (size < 0 || size > MaxDim)
            return Error{Errc::InvalidParam, "A size of " + std::to_string(size) + " is not possible.",
                         "Give 1 to 131072, or 0 to leave it."};
    const Index before = a.hidden;
    setIf(a.hidden, dims.hidden);
    for (auto& layer : a.layers) {
        if (layer.attention.kind != AttentionKind::None)
            setAttention(layer.attention, dims, before, a.hidden);
        if (layer.recurrent && layer.recurrent->heads > 0)
            setRecurrent(*layer.recurrent, dims, a.hidden);
        if (layer.ffn.kind != FfnKind::None)
            setIf(layer.ffn.width, dims.ffnWidth);
        if (layer.joinDim > 0)
            layer.joinDim = a.hidden;
        if (auto wrong = wrongSizes(layer))
            return *wrong;
    }
    return designed(std::move(a));
}

} // namespace attnscope
