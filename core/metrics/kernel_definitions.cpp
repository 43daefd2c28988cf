// SPDX-License-Identifier: GPL-3.0-or-later
// The definitions of the kernel methods: rows of phi(q_i) . phi(k_j), divided by their sums.
#include "core/engine/projection.h"
#include "core/metrics/definitions.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace attnscope::definitions {

namespace {

/// Features of one row: phi_r = values_r exp(log), with the largest value of size 1 so that no exponential overflows.
struct Features {
    std::vector<double> values;
    double log = 0.0;
};

/// From logarithms of positive features.
Features fromLogs(std::vector<double> logs)
{
    const double top = *std::max_element(logs.begin(), logs.end());
    for (double& x : logs)
        x = std::exp(x - top);
    return {std::move(logs), top};
}

DefinedMap normalisedKernel(const Inputs& in, const std::vector<Features>& q, const std::vector<Features>& k)
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
            const Features& key = k[static_cast<std::size_t>(j)];
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

/// Choromanski et al. 2021, lemmas 1 and 2, of x = sqrt(scale) times a row, without the common factor.
Features randomFeatures(std::span<const float> row, double scale, MatrixView<const float> w, const std::string& map)
{
    std::vector<double> first;
    std::vector<double> second;
    double square = 0.0;
    for (const double x : row)
        square += scale * x * x;
    for (Index r = 0; r < w.rows; ++r) {
        double p = 0.0;
        for (Index c = 0; c < w.cols; ++c)
            p += std::sqrt(scale) * row[static_cast<std::size_t>(c)] * w(r, c);
        if (map == "trig") {
            first.push_back(std::cos(p));
            second.push_back(std::sin(p));
        } else if (map == "relu") {
            first.push_back(std::log(std::max(p, 0.0) + 1e-3));
        } else {
            first.push_back(p - square / 2.0);
            if (map == "hyperbolic")
                second.push_back(-p - square / 2.0);
        }
    }
    first.insert(first.end(), second.begin(), second.end());
    if (map == "trig")
        return {std::move(first), square / 2.0};
    return fromLogs(std::move(first));
}

} // namespace

/// Katharopoulos et al. 2020, eq. 7: phi(x) = elu(x) + 1.
Result<DefinedMap> linearElu(const Inputs& in, HeadRef head, const Params&)
{
    const auto features = [](MatrixView<const float> x) {
        std::vector<Features> rows;
        for (Index i = 0; i < x.rows; ++i) {
            std::vector<double> logs;
            for (const double value : x.rowSpan(i))
                logs.push_back(value > 0.0 ? std::log(value + 1.0) : value);
            rows.push_back(fromLogs(std::move(logs)));
        }
        return rows;
    };
    return normalisedKernel(in, features(in.qOf(head)), features(in.kOf(head)));
}

Result<DefinedMap> performer(const Inputs& in, HeadRef head, const Params& params)
{
    const std::string& map = params.text("map");
    const Index columns = map == "trig" || map == "hyperbolic" ? 2 : 1;
    const Index frequencies = (params.integer("features") + columns - 1) / columns;
    const Tensor w = drawProjection(projectionOf(params.text("projection")), frequencies, in.q.cols(), params.seed);
    const auto features = [&](MatrixView<const float> x) {
        std::vector<Features> rows;
        for (Index i = 0; i < x.rows; ++i)
            rows.push_back(randomFeatures(x.rowSpan(i), in.effectiveScale(), w.matrix(), map));
        return rows;
    };
    return normalisedKernel(in, features(in.qOf(head)), features(in.kOf(head)));
}

} // namespace attnscope::definitions
