// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/performer_definition.h"

#include "core/engine/kernel_definition.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

/// Of one row: exponents without -|x|²/2 (or angles, or the arguments of ReLU), and |x|²/2.
struct Projected {
    std::vector<double> values;
    double half = 0.0;
};

class Definition {
public:
    Definition(const Inputs& in, HeadRef head, const DefinedPerformer& options, MatrixView<const float> w)
        : m_in(in), m_head(head), m_options(options), m_w(w), m_scale(in.effectiveScale()), m_a(coefficient())
    {
    }

    DefinedMap map() const
    {
        const auto q = rows(m_in.qOf(m_head));
        const auto k = rows(m_in.kOf(m_head));
        if (m_options.officialEps)
            return officialMap(q, k);
        std::vector<DefinedFeatures> phiQ;
        std::vector<DefinedFeatures> phiK;
        for (const auto& row : q)
            phiQ.push_back(features(row));
        for (const auto& row : k)
            phiK.push_back(features(row));
        return definedKernel(m_in, phiQ, phiK);
    }

private:
    /// As the published FAVOR++ code has it: rho first, then A.
    double coefficient() const
    {
        if (m_options.map != RandomMap::Oprf || m_options.givenA < 0.0)
            return m_options.givenA;
        const auto q = m_in.qOf(m_head);
        const auto k = m_in.kOf(m_head);
        double mean = 0.0;
        for (Index c = 0; c < q.cols; ++c) {
            double sums[2] = {0.0, 0.0};
            for (const int side : {0, 1}) {
                const auto& x = side == 0 ? q : k;
                const auto n = static_cast<double>(x.rows);
                for (Index i = 0; i < x.rows; ++i) {
                    sums[side] += x(i, c) / n;
                    mean += m_scale * static_cast<double>(x(i, c)) * x(i, c) / n;
                }
            }
            mean += 2.0 * m_scale * sums[0] * sums[1];
        }
        if (mean <= 0.0)
            return 0.0;
        const auto d = static_cast<double>(q.cols);
        const double rho = (std::sqrt((2.0 * mean + d) * (2.0 * mean + d) + 8.0 * d * mean) - 2.0 * mean - d) / (4.0 * mean);
        return (1.0 - 1.0 / rho) / 8.0;
    }

    std::vector<Projected> rows(MatrixView<const float> x) const
    {
        std::vector<Projected> all;
        for (Index i = 0; i < x.rows; ++i)
            all.push_back(project(x.rowSpan(i)));
        return all;
    }

    Projected project(std::span<const float> x) const
    {
        Projected row;
        for (const double value : x)
            row.half += 0.5 * m_scale * value * value;
        if (m_options.map == RandomMap::ReluPlain) {
            row.values.assign(x.begin(), x.end());
            return row;
        }
        double factor = std::sqrt(m_scale);
        if (m_options.map == RandomMap::ReluTf)
            factor = 1.0 / std::sqrt(static_cast<double>(m_w.rows));
        if (m_options.map == RandomMap::Oprf)
            factor *= std::sqrt(1.0 - 4.0 * m_a);
        for (Index r = 0; r < m_w.rows; ++r) {
            double p = 0.0;
            for (Index c = 0; c < m_w.cols; ++c)
                p += factor * x[static_cast<std::size_t>(c)] * m_w(r, c);
            row.values.push_back(p);
        }
        if (m_options.map == RandomMap::Hyperbolic)
            for (Index r = 0; r < m_w.rows; ++r)
                row.values.push_back(-row.values[static_cast<std::size_t>(r)]);
        return row;
    }

    /// A |w_r|², 0 but for FAVOR++.
    double bias(std::size_t r) const
    {
        double square = 0.0;
        for (Index c = 0; m_options.map == RandomMap::Oprf && c < m_w.cols; ++c)
            square += static_cast<double>(m_w(static_cast<Index>(r), c)) * m_w(static_cast<Index>(r), c);
        return m_a * square;
    }

    DefinedFeatures features(const Projected& row) const
    {
        std::vector<double> values;
        if (m_options.map == RandomMap::Trig)
            return {wave(row), row.half};
        for (std::size_t r = 0; r < row.values.size(); ++r)
            values.push_back(estimatesSoftmax(m_options.map) ? row.values[r] + bias(r) - row.half
                                                             : std::log(std::max(row.values[r], 0.0) + 1e-3));
        return featuresFromLogs(std::move(values));
    }

    static std::vector<double> wave(const Projected& row)
    {
        std::vector<double> values;
        for (const double p : row.values)
            values.push_back(std::cos(p));
        for (const double p : row.values)
            values.push_back(std::sin(p));
        return values;
    }

    /// Features as the published JAX code makes them, with its factors, from the maximum that it subtracts.
    std::vector<double> officialFeatures(const Projected& row, double top, double topHalf) const
    {
        const double power = std::pow(1.0 - 4.0 * m_a, static_cast<double>(m_w.cols) / 4.0);
        const bool trig = m_options.map == RandomMap::Trig;
        const double factor = power / std::sqrt(static_cast<double>(trig ? m_w.rows : static_cast<Index>(row.values.size())));
        std::vector<double> phi = trig ? wave(row) : row.values;
        for (std::size_t r = 0; r < phi.size(); ++r)
            phi[r] = factor * (trig ? phi[r] * std::exp(row.half - topHalf) : std::exp(phi[r] + bias(r) - row.half - top) + 1e-6);
        return phi;
    }

    DefinedMap officialMap(const std::vector<Projected>& q, const std::vector<Projected>& k) const
    {
        const auto top = [](const Projected& row) { return *std::max_element(row.values.begin(), row.values.end()); };
        double topKey = top(k.front());
        double halfQuery = 0.0;
        double halfKey = 0.0;
        for (const auto& row : q)
            halfQuery = std::max(halfQuery, row.half);
        for (const auto& row : k) {
            topKey = std::max(topKey, top(row));
            halfKey = std::max(halfKey, row.half);
        }
        std::vector<std::vector<double>> keys;
        for (const auto& row : k)
            keys.push_back(officialFeatures(row, topKey, halfKey));
        DefinedMap map(m_in.q.rows(), m_in.k.rows());
        for (Index i = 0; i < map.rows; ++i) {
            const auto& row = q[static_cast<std::size_t>(i)];
            const auto phi = officialFeatures(row, top(row), halfQuery);
            double sum = 0.0;
            double size = 0.0;
            for (Index j = 0; j < visibleKeys(m_in, i); ++j)
                for (std::size_t r = 0; r < phi.size(); ++r) {
                    const double term = phi[r] * keys[static_cast<std::size_t>(j)][r];
                    map.at(i, j) += term;
                    sum += term;
                    size += std::abs(term);
                }
            const double divisor = std::abs(sum) <= 1e-6 ? sum + 2e-6 : sum;
            for (Index j = 0; j < map.cols; ++j)
                map.at(i, j) /= divisor;
            map.condition = std::max(map.condition, size / std::abs(divisor));
        }
        return map;
    }

    const Inputs& m_in;
    HeadRef m_head;
    const DefinedPerformer& m_options;
    MatrixView<const float> m_w;
    double m_scale;
    double m_a;
};

} // namespace

DefinedMap definedPerformer(const Inputs& inputs, HeadRef head, const DefinedPerformer& options, MatrixView<const float> w)
{
    return Definition(inputs, head, options, w).map();
}

} // namespace attnscope
