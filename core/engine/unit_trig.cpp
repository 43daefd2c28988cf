// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/unit_trig.h"

#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"

#include <cmath>

namespace attnscope {

namespace {

class UnitTrig final : public FeatureMap {
public:
    UnitTrig(std::shared_ptr<const Tensor> w, double tau, float padding)
        : m_w(std::move(w)), m_root(static_cast<float>(std::sqrt(tau))), m_padding(padding)
    {
    }

    Index features() const override { return 2 * m_w->rows(); }
    bool logarithmic() const override { return false; }

    void compute(Side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        const Index count = m_w->rows();
        gemmNT(x, m_w->matrix(), {out.values.data, x.rows, count, out.values.stride}, m_root);
        for (Index i = 0; i < x.rows; ++i) {
            const float norm = std::sqrt(dot(x.rowSpan(i), x.rowSpan(i))) + m_padding;
            const float factor = norm > 0.0F ? 1.0F / norm : 0.0F;
            const auto row = out.values.rowSpan(i);
            waves(row.first(static_cast<std::size_t>(count)), factor, row.subspan(static_cast<std::size_t>(count)));
            out.logScale[static_cast<std::size_t>(i)] = 0.0F;
        }
    }

private:
    std::shared_ptr<const Tensor> m_w;
    float m_root;
    float m_padding;
};

} // namespace

std::unique_ptr<const FeatureMap> makeUnitTrig(std::shared_ptr<const Tensor> w, double tau, float padding)
{
    return std::make_unique<UnitTrig>(std::move(w), tau, padding);
}

double meanNorm(MatrixView<const float> x)
{
    double sum = 0.0;
    for (Index i = 0; i < x.rows; ++i)
        sum += std::sqrt(static_cast<double>(dot(x.rowSpan(i), x.rowSpan(i))));
    return sum / static_cast<double>(x.rows);
}

} // namespace attnscope
