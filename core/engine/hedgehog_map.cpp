// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/hedgehog_map.h"

#include "core/compute/dense.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace attnscope {

namespace {

constexpr float kLeastFeature = 1e-12F;

class HedgehogMap final : public FeatureMap {
public:
    HedgehogMap(HedgehogKind kind, Index dim, HedgehogWeights weights) : m_kind(kind), m_dim(dim), m_weights(std::move(weights)) {}

    Index features() const override { return 2 * (m_weights.q ? m_weights.q->cols() : m_dim); }
    bool logarithmic() const override { return true; }
    void compute(Side side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        const Tensor* const w = side == Side::Query ? m_weights.q.get() : m_weights.k.get();
        Tensor product;
        MatrixView<const float> z = x;
        if (w) {
            product = Tensor(1, 1, x.rows, w->cols());
            gemmNN(x, w->matrix(), product.matrix());
            z = std::as_const(product).matrix();
        }
        for (Index i = 0; i < x.rows; ++i)
            hedgehogLogs(m_kind, z.rowSpan(i), out.values.rowSpan(i));
    }

private:
    HedgehogKind m_kind;
    Index m_dim;
    HedgehogWeights m_weights;
};

/// The gradient of one half, whose argument is sign * z; `extreme` is where sign * z is largest.
void addHalf(HedgehogKind kind, std::span<const float> phi, std::span<const float> byPhi, float sign, std::size_t extreme,
             std::span<float> byZ)
{
    double sum = 0.0;
    for (std::size_t f = 0; f < phi.size(); ++f)
        sum += static_cast<double>(phi[f] > kLeastFeature ? byPhi[f] * phi[f] : 0.0F);
    for (std::size_t f = 0; f < phi.size(); ++f) {
        const float own = phi[f] > kLeastFeature ? byPhi[f] * phi[f] : 0.0F;
        byZ[f] += sign * (kind == HedgehogKind::Softmax ? own - phi[f] * static_cast<float>(sum) : own);
    }
    if (kind == HedgehogKind::Exp)
        byZ[extreme] -= sign * static_cast<float>(sum);
}

} // namespace

HedgehogKind hedgehogKindOf(std::string_view name)
{
    return name == "softmax" ? HedgehogKind::Softmax : name == "exp" ? HedgehogKind::Exp : HedgehogKind::Unshifted;
}

std::unique_ptr<const FeatureMap> makeHedgehogMap(HedgehogKind kind, Index dim, HedgehogWeights weights)
{
    return std::make_unique<HedgehogMap>(kind, dim, std::move(weights));
}

void hedgehogLogs(HedgehogKind kind, std::span<const float> z, std::span<float> out)
{
    const auto width = z.size();
    const auto [least, most] = std::minmax_element(z.begin(), z.end());
    float above = 0.0F; // taken off z
    float below = 0.0F; // taken off -z
    if (kind == HedgehogKind::Exp) {
        above = *most;
        below = -*least;
    }
    const auto second = out.subspan(width, width);
    std::transform(z.begin(), z.end(), second.begin(), [](float x) { return -x; });
    if (kind == HedgehogKind::Softmax) {
        above = static_cast<float>(logSumExp(z));
        below = static_cast<float>(logSumExp(second));
    }
    static const float floor = std::log(kLeastFeature);
    for (std::size_t f = 0; f < width; ++f) {
        out[f] = z[f] - above;
        second[f] -= below;
        if (kind != HedgehogKind::Unshifted) {
            out[f] = std::max(out[f], floor);
            second[f] = std::max(second[f], floor);
        }
    }
}

void hedgehogBackward(HedgehogKind kind, std::span<const float> z, std::span<const float> phi, std::span<const float> byPhi,
                      std::span<float> byZ)
{
    const auto width = z.size();
    const auto [least, most] = std::minmax_element(z.begin(), z.end());
    std::fill(byZ.begin(), byZ.end(), 0.0F);
    addHalf(kind, phi.first(width), byPhi.first(width), 1.0F, static_cast<std::size_t>(most - z.begin()), byZ);
    addHalf(kind, phi.subspan(width), byPhi.subspan(width), -1.0F, static_cast<std::size_t>(least - z.begin()), byZ);
}

DefinedFeatures definedHedgehog(HedgehogKind kind, std::span<const float> x, const Tensor* w)
{
    std::vector<double> z(w ? static_cast<std::size_t>(w->cols()) : x.size(), 0.0);
    for (std::size_t f = 0; f < z.size(); ++f)
        if (w)
            for (std::size_t c = 0; c < x.size(); ++c)
                z[f] += static_cast<double>(x[c]) * w->matrix()(static_cast<Index>(c), static_cast<Index>(f));
        else
            z[f] = static_cast<double>(x[f]);
    std::vector<double> logs;
    for (const double sign : {1.0, -1.0}) {
        double shift = 0.0;
        double most = sign * z.front();
        for (const double value : z)
            most = std::max(most, sign * value);
        if (kind == HedgehogKind::Exp)
            shift = most;
        if (kind == HedgehogKind::Softmax) {
            double sum = 0.0;
            for (const double value : z)
                sum += std::exp(sign * value - most);
            shift = most + std::log(sum);
        }
        for (const double value : z)
            logs.push_back(kind == HedgehogKind::Unshifted ? sign * value : std::max(sign * value - shift, std::log(1e-12)));
    }
    return featuresFromLogs(std::move(logs));
}

} // namespace attnscope
