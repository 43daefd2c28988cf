// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/random_features.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"
#include "core/compute/plain_features.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace attnscope {

namespace {

constexpr float kReluFloor = 1e-3F;   // of the published "generalized attention"
constexpr double kOfficialEps = 1e-6; // numerical_stabilizer of the published code
constexpr Index kBlockRows = 128;
constexpr Index kPanel = 64; // frequencies whose transposes lie together, as products like them best

float halfSquare(std::span<const float> x, float root) { return 0.5F * root * root * dot(x, x); }

float slopeOf(RandomMap map, double a) { return map == RandomMap::Oprf ? static_cast<float>(std::sqrt(1.0 - 4.0 * a)) : 1.0F; }

class RandomFeatures final : public FeatureMap {
public:
    RandomFeatures(RandomMap map, std::shared_ptr<const Tensor> w, float scale, const RandomFeatureOptions& options)
        : m_map(map),
          m_w(std::move(w)),
          m_root(std::sqrt(scale)),
          m_slope(slopeOf(map, options.a)),
          m_eps(options.officialEps),
          m_bias(map == RandomMap::Oprf ? static_cast<std::size_t>(m_w->rows()) : 0)
    {
        for (std::size_t r = 0; r < m_bias.size(); ++r) {
            const auto row = m_w->matrix().rowSpan(static_cast<Index>(r));
            m_bias[r] = static_cast<float>(options.a) * dot(row, row);
        }
        m_panels = Tensor(1, 1, m_w->rows(), m_w->cols());
        for (Index first = 0; first < m_w->rows(); first += kPanel) {
            const Index width = std::min(kPanel, m_w->rows() - first);
            float* to = m_panels.data() + first * m_w->cols();
            for (Index c = 0; c < m_w->cols(); ++c)
                for (Index r = 0; r < width; ++r)
                    *to++ = m_w->matrix()(first + r, c);
        }
        // What makes the sums those of the published code: 1 / count, or the like, and FAVOR++'s (1 - 4A)^(d/2).
        const auto columns = static_cast<double>(m_map == RandomMap::Hyperbolic ? features() : m_w->rows());
        m_logFactor = -std::log(columns) + 0.5 * static_cast<double>(m_w->cols()) * std::log(1.0 - 4.0 * options.a);
    }

    Index features() const override { return m_map == RandomMap::ReluPlain ? m_w->cols() : m_w->rows() * columnsPerFrequency(m_map); }
    bool logarithmic() const override { return m_map != RandomMap::Trig; }

    void compute(Side side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        project(x, out.values);
        const auto count = static_cast<std::size_t>(m_w->rows());
        for (Index i = 0; i < x.rows; ++i) {
            const std::span<float> row = out.values.rowSpan(i);
            switch (m_map) {
            case RandomMap::Positive:
            case RandomMap::Oprf:
            case RandomMap::Hyperbolic:
                exponents(side, row, count, halfSquare(x.rowSpan(i), m_root));
                break;
            case RandomMap::Trig:
                out.logScale[static_cast<std::size_t>(i)] = halfSquare(x.rowSpan(i), m_root) - trigShift(side);
                waves(row.first(count), 1.0F, row.subspan(count));
                break;
            case RandomMap::Relu:
            case RandomMap::ReluTf:
            case RandomMap::ReluPlain:
                logReluPlus(row, kReluFloor);
                break;
            }
        }
    }

    bool computePlain(Side, MatrixView<const float> x, MatrixView<float> out) const override
    {
        if (m_map != RandomMap::Positive || m_eps)
            return false;
        thread_local std::vector<float> halves;
        halves.resize(static_cast<std::size_t>(x.rows));
        rowSquares(x, 0.5F * m_root * m_root, halves);
        project(x, out);
        return plainExp(out, halves);
    }

    double divisor(double sum, double logScale) const override
    {
        if (!m_eps)
            return sum;
        const double factor = std::exp(logScale + m_logFactor);
        return std::abs(factor * sum) <= kOfficialEps ? sum + 2.0 * kOfficialEps / factor : sum;
    }

    bool dividesBySums() const override { return !m_eps; }

private:
    void project(MatrixView<const float> x, MatrixView<float> out) const
    {
        const Index count = m_w->rows();
        if (m_map == RandomMap::ReluPlain) {
            for (Index i = 0; i < x.rows; ++i)
                std::copy_n(x.row(i), x.cols, out.row(i));
            return;
        }
        const float scale = m_map == RandomMap::ReluTf ? 1.0F / std::sqrt(static_cast<float>(count)) : m_slope * m_root;
        for (Index first = 0; first < count; first += kPanel) {
            const Index width = std::min(kPanel, count - first);
            const MatrixView<const float> panel{m_panels.data() + first * x.cols, x.cols, width, width};
            gemmNN(x, panel, {out.data + first, x.rows, width, out.stride}, scale);
        }
    }

    /// The logarithms of positive features from slope w . x in the first `count` values of the row.
    void exponents(Side side, std::span<float> row, std::size_t count, float half) const
    {
        const auto second = row.subspan(count);
        std::transform(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(second.size()), second.begin(), std::negate<>());
        const float top = m_eps ? (side == Side::Key ? m_eps->topKey : rowMax(row)) : 0.0F;
        for (float& p : row)
            p -= half + top;
        for (std::size_t r = 0; r < m_bias.size(); ++r)
            row[r] += m_bias[r];
        if (m_eps)
            for (float& p : row)
                p = std::log(std::exp(p) + static_cast<float>(kOfficialEps));
    }

    float trigShift(Side side) const { return !m_eps ? 0.0F : side == Side::Query ? m_eps->topHalfQuery : m_eps->topHalfKey; }

    RandomMap m_map;
    std::shared_ptr<const Tensor> m_w;
    float m_root;    ///< sqrt(scale)
    float m_slope;   ///< sqrt(1 - 4A)
    Tensor m_panels; ///< Wᵀ by kPanel columns [dim, 64], one after another
    std::optional<OfficialEps> m_eps;
    std::vector<float> m_bias; ///< A |w|²
    double m_logFactor = 0.0;
};

/// The largest f(block) over blocks of rows; none when stopped.
template <class F>
std::optional<float> largestOver(MatrixView<const float> x, const RunContext& context, F f)
{
    std::mutex mutex;
    float top = -std::numeric_limits<float>::infinity();
    const bool done = parallelFor(x.rows, kBlockRows, context, [&](Index first, Index last) {
        const float here = f(x.rowRange(first, last - first));
        const std::lock_guard lock(mutex);
        top = std::max(top, here);
    });
    return done ? std::optional(top) : std::nullopt;
}

} // namespace

RandomMap randomMapOf(std::string_view name)
{
    if (name == "hyperbolic")
        return RandomMap::Hyperbolic;
    if (name == "trig")
        return RandomMap::Trig;
    if (name == "oprf")
        return RandomMap::Oprf;
    if (name == "relu-deterministic")
        return RandomMap::ReluPlain;
    if (name == "relu-tf")
        return RandomMap::ReluTf;
    return name == "relu" || name == "relu-lucidrains" ? RandomMap::Relu : RandomMap::Positive;
}

bool estimatesSoftmax(RandomMap map)
{
    return map == RandomMap::Positive || map == RandomMap::Hyperbolic || map == RandomMap::Trig || map == RandomMap::Oprf;
}

Index columnsPerFrequency(RandomMap map) { return map == RandomMap::Hyperbolic || map == RandomMap::Trig ? 2 : 1; }

std::unique_ptr<const FeatureMap> makeRandomFeatures(RandomMap map, std::shared_ptr<const Tensor> w, float scale,
                                                     const RandomFeatureOptions& options)
{
    return std::make_unique<RandomFeatures>(map, std::move(w), scale, options);
}

std::optional<OfficialEps> officialEpsOf(RandomMap map, const Tensor& w, double a, float scale, MatrixView<const float> q,
                                         MatrixView<const float> k, const RunContext& context)
{
    const float root = std::sqrt(scale);
    if (map == RandomMap::Trig) {
        const auto half = [root](MatrixView<const float> block) {
            float top = 0.0F;
            for (Index i = 0; i < block.rows; ++i)
                top = std::max(top, halfSquare(block.rowSpan(i), root));
            return top;
        };
        const auto query = largestOver(q, context, half);
        const auto key = largestOver(k, context, half);
        return query && key ? std::optional(OfficialEps{0.0F, *query, *key}) : std::nullopt;
    }
    const auto top = largestOver(k, context, [&](MatrixView<const float> block) {
        Tensor projected(1, 1, block.rows, w.rows());
        gemmNT(block, w.matrix(), projected.matrix(), root * slopeOf(map, a));
        if (map == RandomMap::Hyperbolic)
            std::transform(projected.values().begin(), projected.values().end(), projected.values().begin(),
                           [](float p) { return std::abs(p); });
        return rowMax(projected.values());
    });
    return top ? std::optional(OfficialEps{*top, 0.0F, 0.0F}) : std::nullopt;
}

double meanPairLength(MatrixView<const float> q, MatrixView<const float> k, double scale)
{
    std::vector<double> sums(static_cast<std::size_t>(2 * q.cols), 0.0);
    double total = 0.0;
    for (const auto& [x, at] : {std::pair{q, std::size_t{0}}, std::pair{k, static_cast<std::size_t>(q.cols)}}) {
        double squares = 0.0;
        for (Index i = 0; i < x.rows; ++i)
            for (Index c = 0; c < x.cols; ++c) {
                const double value = x(i, c);
                squares += value * value;
                sums[at + static_cast<std::size_t>(c)] += value / static_cast<double>(x.rows);
            }
        total += squares / static_cast<double>(x.rows);
    }
    for (std::size_t c = 0; c < static_cast<std::size_t>(q.cols); ++c)
        total += 2.0 * sums[c] * sums[c + static_cast<std::size_t>(q.cols)];
    return scale * total;
}

double oprfCoefficient(double meanLength, Index dim)
{
    const double u = std::max(0.0, meanLength) / static_cast<double>(dim);
    return std::min(0.0, (1.0 - 2.0 * u - std::sqrt((2.0 * u + 1.0) * (2.0 * u + 1.0) + 8.0 * u)) / 16.0);
}

} // namespace attnscope
