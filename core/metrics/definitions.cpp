// SPDX-License-Identifier: GPL-3.0-or-later
// The table of definitions, and those of softmax and its sparse relatives.
#include "core/metrics/definitions.h"

#include "core/scores/softmax_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace attnscope {

namespace definitions {

double logit(const Inputs& inputs, HeadRef head, Index i, Index j)
{
    const auto q = inputs.qOf(head);
    const auto k = inputs.kOf(head);
    double sum = 0.0;
    for (Index c = 0; c < q.cols; ++c)
        sum += static_cast<double>(q(i, c)) * k(j, c);
    return static_cast<double>(inputs.effectiveScale()) * sum;
}

DefinedMap softmaxOver(const Inputs& inputs, HeadRef head, const std::function<bool(Index, Index)>& keeps)
{
    DefinedMap map(inputs.q.rows(), inputs.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        double top = -std::numeric_limits<double>::infinity();
        for (Index j = 0; j < visibleKeys(inputs, i); ++j)
            if (keeps(i, j))
                top = std::max(top, map.at(i, j) = logit(inputs, head, i, j));
        double sum = 0.0;
        for (Index j = 0; j < visibleKeys(inputs, i); ++j)
            sum += map.at(i, j) = keeps(i, j) ? std::exp(map.at(i, j) - top) : 0.0;
        for (Index j = 0; j < map.cols; ++j)
            map.at(i, j) /= sum;
    }
    return map;
}

namespace {

Result<DefinedMap> softmax(const Inputs& in, HeadRef head, const Params&)
{
    return softmaxOver(in, head, [](Index, Index) { return true; });
}

/// Beltagy et al. 2020: keys within `window` of the query's own place, the first `globals` keys, and all for those queries.
Result<DefinedMap> window(const Inputs& in, HeadRef head, const Params& params)
{
    const Index side = params.integer("window");
    const Index globals = params.integer("globals");
    const Index offset = in.k.rows() - in.q.rows();
    return softmaxOver(in, head, [=](Index i, Index j) { return std::abs(i + offset - j) <= side || j < globals || i + offset < globals; });
}

Result<DefinedMap> uniform(const Inputs& in, HeadRef, const Params&)
{
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i)
        for (Index j = 0; j < visibleKeys(in, i); ++j)
            map.at(i, j) = 1.0 / static_cast<double>(visibleKeys(in, i));
    return map;
}

/// The k largest logits of each row; of equal ones the earlier key.
Result<DefinedMap> topk(const Inputs& in, HeadRef head, const Params& params)
{
    std::vector<std::vector<char>> kept(static_cast<std::size_t>(in.q.rows()), std::vector<char>(static_cast<std::size_t>(in.k.rows()), 0));
    for (Index i = 0; i < in.q.rows(); ++i) {
        const Index visible = visibleKeys(in, i);
        std::vector<double> logits(static_cast<std::size_t>(visible));
        for (Index j = 0; j < visible; ++j)
            logits[static_cast<std::size_t>(j)] = logit(in, head, i, j);
        std::vector<std::size_t> order(logits.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
        order.resize(std::min(order.size(), static_cast<std::size_t>(params.integer("k"))));
        for (const auto j : order)
            kept[static_cast<std::size_t>(i)][j] = 1;
    }
    return softmaxOver(in, head, [&](Index i, Index j) { return kept[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] != 0; });
}

} // namespace

} // namespace definitions

const Definition* findDefinition(std::string_view method)
{
    static const std::array table{
        Definition{"softmax", definitions::softmax},      Definition{"softmax-reference", definitions::softmax},
        Definition{"linear-elu", definitions::linearElu}, Definition{"performer", definitions::performer},
        Definition{"linformer", definitions::linformer},  Definition{"window", definitions::window},
        Definition{"uniform", definitions::uniform},      Definition{"topk", definitions::topk},
        Definition{"svd", definitions::truncatedSvd},
    };
    const auto found = std::find_if(table.begin(), table.end(), [&](const Definition& d) { return d.method == method; });
    return found == table.end() ? nullptr : &*found;
}

} // namespace attnscope
