// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/ffn_design.h"

#include "core/stack/stack_design.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr Index kExperts = 8;
constexpr Index kActive = 2;

FfnShape usualFfn(const Architecture& a, FfnKind kind)
{
    const auto same = std::find_if(a.layers.begin(), a.layers.end(), [&](const auto& layer) { return layer.ffn.kind == kind; });
    if (same != a.layers.end())
        return same->ffn;
    if (kind == FfnKind::Moe)
        return {kind, a.hidden, true, kExperts, kActive, 0};
    return kind == FfnKind::Dense ? FfnShape{kind, 4 * a.hidden, true, 0, 0, 0} : FfnShape{};
}

} // namespace

Result<Architecture> setFfn(Architecture a, Index index, FfnKind kind)
{
    if (index < 0 || index >= static_cast<Index>(a.layers.size()))
        return Error{Errc::InvalidParam, "There is no layer " + std::to_string(index) + ".", "Choose another layer."};
    const FfnShape ffn = usualFfn(a, kind);
    const Index owner = a.layers[static_cast<std::size_t>(index)].sharedWith.value_or(index);
    for (std::size_t i = 0; i < a.layers.size(); ++i)
        if (static_cast<Index>(i) == owner || a.layers[i].sharedWith == owner)
            a.layers[i].ffn = ffn;
    a.decidedBy = kDesigned;
    return a;
}

} // namespace attnscope
