// SPDX-License-Identifier: GPL-3.0-or-later
// The definitions of the kernel methods: rows of phi(q_i) . phi(k_j), divided by their sums.
#include "core/engine/projection.h"
#include "core/metrics/definitions.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>

namespace attnscope::definitions {

namespace {

/// A feature as sign and logarithm of its size, so that no exponential overflows.
struct Feature {
    double sign = 0.0;
    double log = 0.0;
};
using FeatureVector = std::vector<Feature>;

Feature positive(double log) { return {1.0, log}; }

Feature signedFeature(double value, double log) { return {value < 0.0 ? -1.0 : 1.0, std::log(std::max(std::abs(value), 1e-300)) + log}; }

DefinedMap normalisedKernel(const Inputs& in, const std::vector<FeatureVector>& q, const std::vector<FeatureVector>& k)
{
    DefinedMap map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i) {
        const auto& phi = q[static_cast<std::size_t>(i)];
        const Index visible = visibleKeys(in, i);
        double top = -1e300;
        for (Index j = 0; j < visible; ++j)
            for (std::size_t r = 0; r < phi.size(); ++r)
                top = std::max(top, phi[r].log + k[static_cast<std::size_t>(j)][r].log);
        double sum = 0.0;
        double size = 0.0;
        for (Index j = 0; j < visible; ++j) {
            for (std::size_t r = 0; r < phi.size(); ++r) {
                const Feature& other = k[static_cast<std::size_t>(j)][r];
                const double term = std::exp(phi[r].log + other.log - top);
                map.at(i, j) += phi[r].sign * other.sign * term;
                size += term;
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
FeatureVector randomFeatures(const float* row, double scale, MatrixView<const float> w, const std::string& map)
{
    FeatureVector phi;
    FeatureVector second;
    double square = 0.0;
    for (Index c = 0; c < w.cols; ++c)
        square += scale * row[c] * row[c];
    for (Index r = 0; r < w.rows; ++r) {
        double p = 0.0;
        for (Index c = 0; c < w.cols; ++c)
            p += std::sqrt(scale) * row[c] * w(r, c);
        if (map == "trig") {
            phi.push_back(signedFeature(std::cos(p), square / 2.0));
            second.push_back(signedFeature(std::sin(p), square / 2.0));
        } else if (map == "relu") {
            phi.push_back(positive(std::log(std::max(p, 0.0) + 1e-3)));
        } else {
            phi.push_back(positive(p - square / 2.0));
            if (map == "hyperbolic")
                second.push_back(positive(-p - square / 2.0));
        }
    }
    phi.insert(phi.end(), second.begin(), second.end());
    return phi;
}

} // namespace

/// Katharopoulos et al. 2020, eq. 7: phi(x) = elu(x) + 1.
Result<DefinedMap> linearElu(const Inputs& in, HeadRef head, const Params&)
{
    const auto features = [](MatrixView<const float> x) {
        std::vector<FeatureVector> rows(static_cast<std::size_t>(x.rows));
        for (Index i = 0; i < x.rows; ++i)
            for (const double value : x.rowSpan(i))
                rows[static_cast<std::size_t>(i)].push_back(positive(value > 0.0 ? std::log(value + 1.0) : value));
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
        std::vector<FeatureVector> rows;
        for (Index i = 0; i < x.rows; ++i)
            rows.push_back(randomFeatures(x.row(i), in.effectiveScale(), w.matrix(), map));
        return rows;
    };
    return normalisedKernel(in, features(in.qOf(head)), features(in.kOf(head)));
}

} // namespace attnscope::definitions
