// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/channel_gate.h"

#include <numeric>
#include <sstream>
#include <string>

namespace attnscope {

namespace {

std::string brief(double x)
{
    std::ostringstream out;
    out << x;
    return out.str();
}

} // namespace

Result<ChannelGate> ChannelGate::make(const Inputs& in, HeadRef head, const Rule& rule)
{
    ChannelGate gate;
    gate.m_constant = rule.constant;
    gate.m_rows = in.array(rule.name, head);
    if (!gate.m_rows)
        return gate;
    const auto& rows = *gate.m_rows;
    const std::string array = "The array \"" + std::string(rule.name) + "\" ";
    if ((rows.rows != 1 && rows.rows != in.k.rows()) || (rows.cols != 1 && rows.cols != in.v.cols()))
        return Error{Errc::InvalidShape,
                     array + "has " + std::to_string(rows.rows) + " rows of " + std::to_string(rows.cols) + " numbers, but there are " +
                         std::to_string(in.k.rows()) + " keys and " + std::to_string(in.v.cols()) + " value channels.",
                     "Give one row per key or one for all, with one number or one for each channel of v."};
    for (Index t = 0; t < rows.rows; ++t)
        for (const float x : rows.rowSpan(t))
            if (!(static_cast<double>(x) >= rule.least && static_cast<double>(x) <= rule.most))
                return Error{Errc::InvalidParam,
                             array + "holds " + brief(static_cast<double>(x)) + " at token " + std::to_string(t) +
                                 ", but must lie between " + brief(rule.least) + " and " + brief(rule.most) + ".",
                             "Check that it holds the gate itself, after its activation."};
    return gate;
}

Result<std::vector<Index>> shownChannels(const Inputs& in, Index channel, bool differ)
{
    if (channel > in.v.cols())
        return Error{Errc::InvalidParam,
                     "There is no channel " + std::to_string(channel) + ": the values have " + std::to_string(in.v.cols()) + ".",
                     "Choose a channel from 1 to " + std::to_string(in.v.cols()) + ", or 0 for the mean of all."};
    if (channel > 0 || !differ)
        return std::vector<Index>{std::max<Index>(0, channel - 1)};
    std::vector<Index> all(static_cast<std::size_t>(in.v.cols()));
    std::iota(all.begin(), all.end(), Index{0});
    return all;
}

} // namespace attnscope
