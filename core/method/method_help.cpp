// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/method_help.h"

#include <array>
#include <cctype>
#include <iomanip>
#include <sstream>
#include <utility>

namespace attnscope {

namespace {

/// 65536, not 6.554e+04.
std::string numberText(double value)
{
    std::ostringstream text;
    text << std::setprecision(12) << value;
    return text.str();
}

std::string rangeText(const ParamSpec& spec)
{
    const std::string unit = spec.unit.empty() ? "" : " [" + spec.unit + "]";
    switch (spec.kind) {
    case ParamKind::Number:
        return (spec.integer ? "whole number, " : "number, ") + numberText(spec.min) + " to " + numberText(spec.max) + ", default " +
               numberText(spec.initial) + unit;
    case ParamKind::File:
        return "file (.npy, .npz or .safetensors), default none";
    case ParamKind::Choice:
        break;
    }
    std::string text;
    for (const auto& choice : spec.choices)
        text += (text.empty() ? "" : ", ") + choice;
    return text + "; default " + (spec.choices.empty() ? "none" : spec.choices.front());
}

std::string formsText(const AttentionMethod& method)
{
    std::string text = maskText(method.info());
    const auto others = method.otherForms();
    for (std::size_t i = 0; i < others.size(); ++i)
        text += (i == 0 ? "; also computed in its " : i + 1 < others.size() ? ", " : " and ") + others[i];
    text += others.empty() ? "." : " form.";
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    if (!method.info().supportsWindow)
        text += " On a layer with a sliding window it is compared without the window.";
    return text;
}

std::string mapText(const MethodInfo& info)
{
    std::string text = info.rowsSumToOne ? "Rows sum to 1" : "Rows need not sum to 1";
    text += info.nonNegative ? ", no weight is negative" : ", weights can be negative";
    text += info.positional ? "; places matter." : "; permuting the tokens permutes the map.";
    if (info.looksAhead)
        text += " Its causal map has weights ahead of the mask.";
    if (info.laterTokensMatter)
        text += " Later tokens change earlier rows of its causal map, though none is attended to.";
    if (info.exact)
        text += " Equal to softmax up to rounding.";
    return text;
}

std::string costText(const MethodInfo& info)
{
    std::string text = "Time grows as " + info.timeGrowth + ", memory as " + info.memoryGrowth + ".";
    if (info.mapIsQuadratic)
        text += " It looks at every pair even for the output: a line to compare with, not an approximation to use.";
    return text;
}

} // namespace

std::string maskText(const MethodInfo& info)
{
    if (!info.supportsCausal)
        return "bidirectional";
    return info.supportsBidirectional ? "causal and bidirectional" : "causal";
}

std::string familyTitle(const std::string& family)
{
    static constexpr std::array<std::pair<const char*, const char*>, 6> titles{{{"exact", "Exact attention"},
                                                                                {"kernel", "Kernel methods"},
                                                                                {"landmark", "Landmark and low-rank methods"},
                                                                                {"sparse", "Sparse methods"},
                                                                                {"recurrent", "Recurrent mixers"},
                                                                                {"reference", "Reference lines"}}};
    for (const auto& [id, title] : titles)
        if (family == id)
            return title;
    return family;
}

MethodHelp helpOf(const AttentionMethod& method)
{
    const MethodInfo& info = method.info();
    MethodHelp help{info.title, info.summary, info.formula, {}, {}};
    const auto add = [&help](const char* heading, std::string text) {
        if (!text.empty())
            help.sections.push_back({heading, std::move(text)});
    };
    add("Assumes", info.assumes);
    add("Loses", info.loses);
    add("Learned", info.learned.empty() ? "Nothing: it is computed from Q, K and V as they are." : info.learned);
    add("Forms", formsText(method));
    add("Map", mapText(info));
    add("Cost", costText(info));
    add("Source", info.reference);
    for (const auto& spec : info.params)
        help.params.push_back({spec.key, rangeText(spec), spec.help});
    if (info.randomised)
        help.params.push_back({"seed", "whole number", "What is drawn at random; the same seed draws the same."});
    return help;
}

} // namespace attnscope
