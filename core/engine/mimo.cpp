// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mimo.h"

#include "core/engine/channel_gate.h"

#include <optional>
#include <string>
#include <string_view>

namespace attnscope {

namespace {

using Weights = std::optional<MatrixView<const float>>;

/// [1, R Dv] or nothing.
Result<Weights> rankWeights(const Inputs& in, HeadRef head, std::string_view name, Index rank)
{
    const auto found = in.array(name, head);
    if (found && (found->rows != 1 || found->cols != rank * in.v.cols()))
        return Error{Errc::InvalidShape,
                     "The array \"" + std::string(name) + "\" holds " + std::to_string(found->rows * found->cols) +
                         " numbers a head, but " + std::to_string(rank) + " ranks of " + std::to_string(in.v.cols()) +
                         " value channels need " + std::to_string(rank * in.v.cols()) + ".",
                     "Set rank to that of the file, and give one row per head: rank by rank, each with all channels of v."};
    return found;
}

double weightAt(const Weights& weights, Index rank, Index r, Index channel, Index channels)
{
    return weights ? static_cast<double>((*weights)(0, r * channels + channel)) : 1.0 / static_cast<double>(rank);
}

} // namespace

Result<MimoMix> MimoMix::make(const Inputs& in, HeadRef head, Index rank, Index channel, Index width)
{
    if (width % rank != 0)
        return Error{Errc::InvalidShape,
                     "The " + std::to_string(width) + " channels of the keys can't be split into " + std::to_string(rank) + " ranks.",
                     "Choose a rank that divides the width of the keys; 1 always does."};
    const auto x = rankWeights(in, head, "mimo_x", rank);
    if (!x)
        return x.error();
    const auto o = rankWeights(in, head, "mimo_o", rank);
    if (!o)
        return o.error();
    const auto channels = shownChannels(in, channel, x->has_value() || o->has_value());
    if (!channels)
        return channels.error();
    MimoMix made;
    made.m_rank = rank;
    made.m_width = width / rank;
    made.m_between.assign(static_cast<std::size_t>(rank * rank), 0.0);
    for (const Index c : *channels)
        for (Index r = 0; r < rank; ++r)
            for (Index w = 0; w < rank; ++w)
                made.m_between[static_cast<std::size_t>(r * rank + w)] +=
                    weightAt(*o, rank, r, c, in.v.cols()) * weightAt(*x, rank, w, c, in.v.cols()) / static_cast<double>(channels->size());
    return made;
}

double MimoMix::own() const
{
    double sum = 0.0;
    for (Index r = 0; r < m_rank; ++r)
        sum += between(r, r);
    return sum;
}

Tensor MimoMix::mixed(MatrixView<const float> reads) const
{
    Tensor made(1, 1, reads.rows, reads.cols);
    for (Index i = 0; i < reads.rows; ++i)
        for (Index w = 0; w < m_rank; ++w)
            for (Index c = 0; c < m_width; ++c) {
                double sum = 0.0;
                for (Index r = 0; r < m_rank; ++r)
                    sum += between(r, w) * static_cast<double>(reads(i, r * m_width + c));
                made.matrix()(i, w * m_width + c) = static_cast<float>(sum);
            }
    return made;
}

} // namespace attnscope
