// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/head_order.h"

#include <QObject>

#include <algorithm>
#include <limits>
#include <numeric>

namespace attnscope {

QStringList headOrderNames()
{
    return {QObject::tr("Order: layer and head"), QObject::tr("Order: entropy, lowest first"), QObject::tr("Order: weight on first token"),
            QObject::tr("Order: weight on previous token"), QObject::tr("Order: approximation's error, largest first")};
}

std::vector<std::size_t> orderedHeads(HeadOrder order, const std::vector<std::optional<HeadStats>>& stats,
                                      const std::vector<std::optional<double>>& errors)
{
    const auto rank = [&](std::size_t at) {
        if (order == HeadOrder::Place)
            return 0.0;
        if (order == HeadOrder::ApproximationError)
            return at < errors.size() && errors[at] ? -*errors[at] : std::numeric_limits<double>::infinity();
        if (!stats[at])
            return std::numeric_limits<double>::infinity();
        return order == HeadOrder::Entropy      ? stats[at]->entropy
               : order == HeadOrder::FirstToken ? -stats[at]->firstWeight
                                                : -stats[at]->previousWeight;
    };
    std::vector<std::size_t> heads(stats.size());
    std::iota(heads.begin(), heads.end(), std::size_t{0});
    std::stable_sort(heads.begin(), heads.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
    return heads;
}

} // namespace attnscope
