// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/random_features.h"

#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr float kReluFloor = 1e-3F; // of the published "generalized attention"

class RandomFeatures final : public FeatureMap {
public:
    RandomFeatures(RandomMap map, std::shared_ptr<const Tensor> w, float scale) : m_map(map), m_w(std::move(w)), m_root(std::sqrt(scale)) {}

    Index features() const override { return m_w->rows() * columnsPerFrequency(m_map); }
    bool logarithmic() const override { return m_map != RandomMap::Trig; }

    void compute(Side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        const Index count = m_w->rows();
        gemmNT(x, m_w->matrix(), {out.values.data, x.rows, count, out.values.stride}, m_root);
        for (Index i = 0; i < x.rows; ++i) {
            const std::span<float> row = out.values.rowSpan(i);
            const std::span<float> projected = row.first(static_cast<std::size_t>(count));
            const std::span<float> second = row.subspan(projected.size());
            const float half = 0.5F * m_root * m_root * dot(x.rowSpan(i), x.rowSpan(i));
            switch (m_map) {
            case RandomMap::Hyperbolic:
                std::transform(projected.begin(), projected.end(), second.begin(), [half](float p) { return -p - half; });
                [[fallthrough]];
            case RandomMap::Positive:
                std::transform(projected.begin(), projected.end(), projected.begin(), [half](float p) { return p - half; });
                break;
            case RandomMap::Trig:
                std::transform(projected.begin(), projected.end(), second.begin(), [](float p) { return std::sin(p); });
                std::transform(projected.begin(), projected.end(), projected.begin(), [](float p) { return std::cos(p); });
                out.logScale[static_cast<std::size_t>(i)] = half;
                break;
            case RandomMap::Relu:
                logReluPlus(projected, kReluFloor);
                break;
            }
        }
    }

private:
    RandomMap m_map;
    std::shared_ptr<const Tensor> m_w;
    float m_root; ///< sqrt(scale)
};

} // namespace

RandomMap randomMapOf(std::string_view name)
{
    if (name == "hyperbolic")
        return RandomMap::Hyperbolic;
    if (name == "trig")
        return RandomMap::Trig;
    return name == "relu" ? RandomMap::Relu : RandomMap::Positive;
}

Index columnsPerFrequency(RandomMap map) { return map == RandomMap::Hyperbolic || map == RandomMap::Trig ? 2 : 1; }

std::unique_ptr<const FeatureMap> makeRandomFeatures(RandomMap map, std::shared_ptr<const Tensor> w, float scale)
{
    return std::make_unique<RandomFeatures>(map, std::move(w), scale);
}

} // namespace attnscope
