// SPDX-License-Identifier: GPL-3.0-or-later
// A gate of a recurrent method that may differ by value channel: an array of the input, or a constant.
#pragma once

#include "core/base/result.h"
#include "core/method/inputs.h"

#include <optional>
#include <string_view>
#include <vector>

namespace attnscope {

class ChannelGate {
public:
    struct Rule {
        std::string_view name;
        double constant = 0.0; ///< where the input has no such array
        double least = 0.0;
        double most = 0.0;
    };

    /// InvalidShape where the array isn't [1 or M, 1 or Dv], InvalidParam where a value leaves [least, most].
    static Result<ChannelGate> make(const Inputs& inputs, HeadRef head, const Rule& rule);

    double at(Index token, Index channel) const
    {
        if (!m_rows)
            return m_constant;
        return static_cast<double>((*m_rows)(m_rows->rows == 1 ? 0 : token, m_rows->cols == 1 ? 0 : channel));
    }
    bool byChannel() const { return m_rows && m_rows->cols > 1; }
    bool constant() const { return !m_rows; }

private:
    std::optional<MatrixView<const float>> m_rows;
    double m_constant = 0.0;
};

/// The channels that a map stands for: `channel` counts from 1 and means that one, 0 the mean of all; one where all are alike.
/// InvalidParam where there is no such channel.
Result<std::vector<Index>> shownChannels(const Inputs& inputs, Index channel, bool differ);

} // namespace attnscope
