// SPDX-License-Identifier: GPL-3.0-or-later
// Nystromformer: its limits, its inverse on the way to the exact one, heads coupled or not, uneven segments, and its theory.
#include "core/engine/nystrom.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <set>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// Rows that change slowly: sines of few frequencies, the same for queries and keys, and a little noise.
RandomInputs smoothInputs(Index n, Index dim)
{
    auto data = randomInputs({1, 1, n, n, dim, 4}, 51, 0.3F);
    std::mt19937_64 random(52);
    std::uniform_real_distribution<float> uniform(0.0F, 1.0F);
    for (Index c = 0; c < dim; ++c) {
        const float frequency = 1.0F + 39.0F * uniform(random);
        const float phase = 6.2832F * uniform(random);
        for (Index i = 0; i < n; ++i) {
            const float wave = std::sqrt(2.0F) * std::cos(6.2832F * frequency * static_cast<float>(i) / static_cast<float>(n) + phase);
            data.q.matrix()(i, c) += wave;
            data.k.matrix()(i, c) += wave;
        }
    }
    return data;
}

double relativeError(const Inputs& in, const std::vector<ParamText>& given, HeadRef head = {})
{
    const Matrix64 exact = exactMap(in, head);
    return frobeniusDifference(mapOf("nystromformer", in, given, head), exact) / frobenius(exact);
}

double rowSumGap(const Tensor& map)
{
    double gap = 0.0;
    for (Index i = 0; i < map.rows(); ++i) {
        double sum = -1.0;
        for (const float x : map.matrix().rowSpan(i))
            sum += x;
        gap = std::max(gap, std::fabs(sum));
    }
    return gap;
}

} // namespace

class TestNystromformer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void asManyLandmarksAsTokensIsExact()
    {
        const auto data = randomInputs({2, 4, 50, 50, 16, 8}, 1, 1.0F, 2);
        QVERIFY(relativeError(data.inputs(), {{"landmarks", "50"}}, {1, 3}) < 1e-6);
        QVERIFY(relativeError(data.inputs(), {{"landmarks", "49"}}, {1, 3}) > 1e-2);
    }

    void convergedTokenLandmarksAreExact()
    {
        // More keys than queries, and every query a landmark: softmax(Q K~ᵀ) is A_s itself.
        const auto data = randomInputs({1, 1, 20, 80, 16, 8}, 2, 1.5F);
        QVERIFY(relativeError(data.inputs(), {{"landmarks", "20"}, {"pinv", "exact"}}) < 1e-4);
        QVERIFY(relativeError(data.inputs(), {{"landmarks", "20"}, {"iterations", "30"}}) < 1e-3);
    }

    void smoothInputsAreEasy()
    {
        const auto data = smoothInputs(512, 32);
        const double few = relativeError(data.inputs(), {{"landmarks", "128"}, {"iterations", "2"}});
        const double usual = relativeError(data.inputs(), {{"landmarks", "128"}});
        QVERIFY2(usual < 0.3 && usual < few, qPrintable(QString("%1 %2").arg(few).arg(usual)));
    }

    void rowSumsConverge()
    {
        const auto data = smoothInputs(256, 32);
        const double start = rowSumGap(mapOf("nystromformer", data.inputs(), {{"landmarks", "32"}, {"iterations", "0"}}));
        const double end = rowSumGap(mapOf("nystromformer", data.inputs(), {{"landmarks", "32"}, {"iterations", "20"}}));
        QVERIFY2(start > 0.1 && end < 1e-3, qPrintable(QString("%1 %2").arg(start).arg(end)));
    }

    void inversesAgree()
    {
        DoubleMatrix x(12, 5);
        std::mt19937_64 random(3);
        std::normal_distribution<double> normal(0.0, 2.0);
        for (double& value : x.values)
            value = normal(random);
        const DoubleMatrix a = smallSoftmax(x, x, 0.5);
        const double columnSum = largestColumnSum(a);
        for (const int iterations : {0, 1, 6, 12}) {
            const DoubleMatrix z = iteratedPinv(a, iterations, columnSum);
            const SpectralPinv spectral = spectralPinv(a, iterations, columnSum);
            for (std::size_t i = 0; i < z.values.size(); ++i)
                QVERIFY(std::fabs(z.values[i] - spectral.inverse.values[i]) < 1e-9 * spectral.condition);
            QVERIFY(std::fabs(pinvResidual(a, z) - spectral.residual) < 1e-9);
        }
        QVERIFY(pinvResidual(a, exactPinv(a)) < 1e-9);
        QVERIFY(spectralPinv(a, 6, columnSum).residual < spectralPinv(a, 2, columnSum).residual);
    }

    void officialInitCouplesHeads()
    {
        auto data = randomInputs({1, 2, 96, 96, 8, 4}, 4);
        const auto other = randomInputs({1, 2, 96, 96, 8, 4}, 5, 3.0F);
        const std::vector<ParamText> official{{"landmarks", "12"}, {"init", "official"}};
        const Tensor alone = mapOf("nystromformer", data.inputs(), {{"landmarks", "12"}});
        const Tensor coupled = mapOf("nystromformer", data.inputs(), official);
        std::copy_n(other.q.matrix({0, 1}).data, 96 * 8, data.q.matrix({0, 1}).data);
        QVERIFY(maxDifference(mapOf("nystromformer", data.inputs(), {{"landmarks", "12"}}), alone) == 0.0);
        QVERIFY(maxDifference(mapOf("nystromformer", data.inputs(), official), coupled) > 1e-5);
    }

    void unevenSegments()
    {
        QCOMPARE(segmentStart(10, 4, 0), 0);
        QCOMPARE(segmentStart(10, 4, 2), 4); // 2, 2, 3, 3
        QCOMPARE(segmentStart(10, 4, 3), 7);
        QCOMPARE(segmentStart(10, 4, 4), 10);
        QCOMPARE(segmentStart(12, 4, 4), 12);
    }

    void landmarkChoices()
    {
        const auto data = smoothInputs(200, 16);
        const MatrixView<const float> q = data.q.matrix();
        const DoubleMatrix strided = landmarksOf(q, LandmarkChoice::Strided, 10, 0);
        QCOMPARE(static_cast<float>(strided(3, 2)), q(60, 2));
        const auto places = randomPlaces(200, 200, 7);
        QCOMPARE(std::set<Index>(places.begin(), places.end()).size(), std::size_t{200});
        QVERIFY(randomPlaces(200, 5, 7) != randomPlaces(200, 5, 8));
        // Two far groups: k-means finds both centres, on a sample that leaves out the odd places of the last third.
        Tensor groups(1, 1, 40, 1);
        for (Index i = 0; i < 40; ++i)
            groups.matrix()(i, 0) = (i % 2 == 0 ? 10.0F : -10.0F) + 0.01F * static_cast<float>(i);
        const DoubleMatrix centres = landmarksOf(groups.matrix(), LandmarkChoice::KMeans, 2, 1);
        QVERIFY(std::fabs(std::max(centres(0, 0), centres(1, 0)) - 10.19) < 0.05);
        QVERIFY(std::fabs(std::min(centres(0, 0), centres(1, 0)) + 9.88) < 0.05);
    }

    void theoryFollowsWhatIsMeasured()
    {
        const auto data = randomInputs({1, 1, 256, 256, 16, 4}, 6);
        const auto curves = findMethod("nystromformer")->theory(data.inputs(), {}, paramsOf("nystromformer", {{"landmarks", "16"}}), {});
        QVERIFY(curves.ok());
        QCOMPARE(curves->size(), std::size_t{2});
        const TheoryCurve& residual = curves->front();
        QCOMPARE(residual.x.size(), std::size_t{31});
        for (std::size_t i = 0; i <= 10; ++i)
            QVERIFY(std::fabs(residual.predicted[i] - residual.measured[i]) < 1e-6);
        const TheoryCurve& error = curves->back();
        for (std::size_t i = 0; i < 31; ++i)
            QVERIFY(error.measured[i] >= error.predicted[i] * (1.0 - 1e-9));
        const double map = relativeError(data.inputs(), {{"landmarks", "16"}});
        QVERIFY2(std::fabs(error.measured[6] - map) < 1e-4 * map, qPrintable(QString("%1 %2").arg(error.measured[6]).arg(map)));
        const auto exact = findMethod("nystromformer")->theory(data.inputs(), {}, paramsOf("nystromformer", {{"landmarks", "256"}}), {});
        QVERIFY(exact.ok() && exact->size() == 1 && !exact->front().caption.empty());
    }
};

static const attnscope::tests::RegisterTest<TestNystromformer> registered("test_nystromformer");

#include "test_nystromformer.moc"
