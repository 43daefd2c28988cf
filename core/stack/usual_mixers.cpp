// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/usual_mixers.h"

#include "core/stack/stack_design.h"

#include <algorithm>
#include <iterator>

namespace attnscope {

namespace {

constexpr Index UsualWindow = 2048;

struct UsualRecurrent {
    const char* method;
    Index keyDim;
    Index valueDim;
    double keyWidth;   ///< of all heads together, in widths of the model
    double valueWidth; ///< likewise
    bool conv;
};

/// fla's and the authors' defaults. Channel mixers hold one value a head.
constexpr UsualRecurrent known[] = {
    {"mamba1", 16, 1, 0.0, 2.0, true},        {"mamba2", 128, 64, 0.0, 2.0, true},
    {"mamba3", 128, 64, 0.0, 2.0, false},     {"gated-deltanet", 128, 256, 0.75, 1.5, true},
    {"deltanet", 128, 128, 1.0, 1.0, true},   {"kda", 128, 128, 1.0, 1.0, true},
    {"gla", 128, 256, 0.5, 1.0, false},       {"hgrn2", 128, 128, 1.0, 1.0, false},
    {"retention", 128, 256, 1.0, 2.0, false}, {"lightning", 128, 128, 1.0, 1.0, false},
    {"rwkv6", 64, 64, 1.0, 1.0, false},       {"rwkv7", 64, 64, 1.0, 1.0, false},
    {"rg-lru", 1, 1, 0.0, 1.0, true},
};

Index atLeastOne(double value) { return std::max<Index>(1, static_cast<Index>(value)); }

RecurrentShape usualRecurrent(const UsualRecurrent& u, Index hidden)
{
    RecurrentShape r{.method = u.method};
    const auto width = static_cast<double>(hidden);
    r.keyDim = u.keyDim;
    r.valueDim = u.valueDim;
    r.heads = atLeastOne(u.valueWidth * width / static_cast<double>(u.valueDim));
    if (r.method == "mamba1")
        r.stepRank = (hidden + 15) / 16;
    if (r.method == "rg-lru")
        r.gateBlocks = atLeastOne(width / 256.0);
    if (r.method == "mamba3") {
        r.extraFloats = r.heads * r.keyDim / 4;
        r.extraElements = r.heads * (r.keyDim + r.valueDim);
    }
    if (r.method.starts_with("rwkv"))
        r.extraElements = 2 * hidden;
    if (u.conv) {
        r.convTaps = 4;
        const Index keys = r.method == "mamba2" ? 2 * r.groups * r.keyDim : static_cast<Index>(2.0 * u.keyWidth * width);
        r.convChannels = r.heads * r.valueDim + keys;
    }
    return r;
}

AttentionShape usualAttention(const Architecture& a, AttentionKind kind)
{
    const auto same = [&](const StackLayer& layer) { return layer.attention.kind == kind; };
    const auto any = [](const StackLayer& layer) { return layer.attention.kind != AttentionKind::None; };
    auto from = std::find_if(a.layers.begin(), a.layers.end(), same);
    if (from == a.layers.end())
        from = std::find_if(a.layers.begin(), a.layers.end(), any);
    AttentionShape shape;
    if (from != a.layers.end()) {
        shape = from->attention;
        shape.inputDim = a.hidden;
    } else {
        shape.headDim = std::min<Index>(128, a.hidden);
        shape.heads = std::max<Index>(1, a.hidden / shape.headDim);
        shape.kvHeads = shape.heads % 8 == 0 ? 8 : shape.heads;
        shape.inputDim = a.hidden;
    }
    shape.kind = kind;
    if (kind == AttentionKind::Full)
        shape.window = 0;
    else if (shape.window == 0)
        shape.window = UsualWindow;
    return shape;
}

} // namespace

std::vector<std::string> designMixers()
{
    std::vector<std::string> names{"full", "sliding", "none"};
    for (const auto& each : known)
        names.emplace_back(each.method);
    return names;
}

Result<StackMixer> usualMixer(const Architecture& a, const std::string& mixer)
{
    if (mixer == "none")
        return StackMixer{};
    if (mixer == "full" || mixer == "sliding")
        return StackMixer{usualAttention(a, mixer == "full" ? AttentionKind::Full : AttentionKind::Sliding), std::nullopt};
    for (const auto& layer : a.layers)
        if (layer.recurrent && layer.recurrent->method == mixer)
            return StackMixer{{}, layer.recurrent};
    const auto at = std::find_if(std::begin(known), std::end(known), [&](const auto& each) { return mixer == each.method; });
    if (at == std::end(known)) {
        std::string names;
        for (const auto& name : designMixers())
            names += (names.empty() ? "" : ", ") + name;
        return Error{Errc::InvalidParam, "There is no mixer \"" + mixer.substr(0, 40) + "\".", "Known are " + names + "."};
    }
    return StackMixer{{}, usualRecurrent(*at, a.hidden)};
}

} // namespace attnscope
