// SPDX-License-Identifier: GPL-3.0-or-later
// Attention to few keys against float64: widths that fill no vectors, rows that fill no block, large logits.
#include "core/compute/few_keys.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// A random matrix whose rows lie further apart than they are wide; NaN between them and around.
struct Apart {
    std::vector<float> values;
    MatrixView<float> view;

    Apart(Index rows, Index cols, std::uint64_t seed, float factor)
        : values(static_cast<std::size_t>(rows * (cols + 5)), std::numeric_limits<float>::quiet_NaN()),
          view{values.data(), rows, cols, cols + 5}
    {
        std::mt19937_64 random(seed);
        for (Index i = 0; i < rows; ++i) {
            fillNormal(view.rowSpan(i), random);
            std::transform(view.row(i), view.row(i) + cols, view.row(i), [factor](float x) { return factor * x; });
        }
    }
};

/// Row i of softmax(scale q kᵀ) v in float64.
std::vector<double> exactRow(const Apart& q, Index i, const Apart& k, const Apart& v, double scale)
{
    std::vector<double> weights;
    for (Index j = 0; j < k.view.rows; ++j)
        weights.push_back(scale * std::inner_product(q.view.row(i), q.view.row(i) + q.view.cols, k.view.row(j), 0.0));
    const double top = *std::max_element(weights.begin(), weights.end());
    double sum = 0.0;
    for (double& w : weights)
        sum += w = std::exp(w - top);
    std::vector<double> out(static_cast<std::size_t>(v.view.cols), 0.0);
    for (Index j = 0; j < v.view.rows; ++j)
        for (std::size_t c = 0; c < out.size(); ++c)
            out[c] += weights[static_cast<std::size_t>(j)] / sum * static_cast<double>(v.view(j, static_cast<Index>(c)));
    return out;
}

} // namespace

class TestFewKeys : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithFloat64_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("dim");
        QTest::addColumn<int>("valueDim");
        QTest::addColumn<float>("factor");
        QTest::newRow("one of each") << 1 << 1 << 1 << 1 << 1.0F;
        QTest::newRow("whole vectors") << 60 << 64 << 64 << 64 << 1.0F;
        QTest::newRow("nothing divides") << 17 << 37 << 40 << 13 << 1.0F;
        QTest::newRow("several panels") << 23 << 200 << 24 << 100 << 1.0F;
        QTest::newRow("as many keys as there may be") << 8 << 256 << 8 << 72 << 1.0F;
        QTest::newRow("large logits") << 20 << 65 << 32 << 33 << 12.0F;
    }
    void agreesWithFloat64()
    {
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, dim);
        QFETCH(int, valueDim);
        QFETCH(float, factor);
        const Apart q(queries, dim, 11, factor);
        const Apart k(keys, dim, 12, factor);
        const Apart v(keys, valueDim, 13, 1.0F);
        Apart out(queries, valueDim, 14, std::numeric_limits<float>::quiet_NaN());
        const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
        FewKeys(k.view, v.view).attend(q.view, scale, out.view);
        // A logit is off by at most dim roundings of terms that sum to about factor², an exponential by as much, relatively; values are
        // below 4, and 30 roundings are those of the sums.
        const double limit = 6e-8 * (static_cast<double>(dim) + 30.0) * (1.0 + static_cast<double>(factor * factor)) * 4.0;
        for (Index i = 0; i < queries; ++i) {
            const auto exact = exactRow(q, i, k, v, static_cast<double>(scale));
            for (Index c = 0; c < valueDim; ++c)
                QVERIFY2(std::abs(static_cast<double>(out.view(i, c)) - exact[static_cast<std::size_t>(c)]) < limit,
                         qPrintable(QString("row %1 column %2").arg(i).arg(c)));
            for (Index c = valueDim; c < out.view.stride; ++c)
                QVERIFY(std::isnan(out.view.row(i)[c]));
        }
    }
};

static const attnscope::tests::RegisterTest<TestFewKeys> registered("test_few_keys");

#include "test_few_keys.moc"
