// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_definition.h"

#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

DefinedFeatures featuresFromLogs(std::vector<double> logs)
{
    const double top = *std::max_element(logs.begin(), logs.end());
    for (double& x : logs)
        x = std::exp(x - top);
    return {std::move(logs), top};
}

std::vector<DefinedFeatures> featuresOfRows(MatrixView<const float> x,
                                            const std::function<DefinedFeatures(std::span<const float>)>& features)
{
    std::vector<DefinedFeatures> rows;
    for (Index i = 0; i < x.rows; ++i)
        rows.push_back(features(x.rowSpan(i)));
    return rows;
}

DefinedMap definedKernel(const Inputs& in, const std::vector<DefinedFeatures>& q, const std::vector<DefinedFeatures>& k)
{
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        const auto& phi = q[static_cast<std::size_t>(i)].values;
        const Index visible = visibleKeys(in, i);
        double top = k.front().log;
        for (Index j = 0; j < visible; ++j)
            top = std::max(top, k[static_cast<std::size_t>(j)].log);
        double sum = 0.0;
        double size = 0.0;
        for (Index j = 0; j < visible; ++j) {
            const DefinedFeatures& key = k[static_cast<std::size_t>(j)];
            const double factor = std::exp(key.log - top);
            for (std::size_t r = 0; r < phi.size(); ++r) {
                const double term = factor * phi[r] * key.values[r];
                map.at(i, j) += term;
                size += std::abs(term);
            }
            sum += map.at(i, j);
        }
        for (Index j = 0; j < visible; ++j)
            map.at(i, j) /= sum;
        map.condition = std::max(map.condition, size / std::abs(sum));
    }
    return map;
}

} // namespace attnscope
