// SPDX-License-Identifier: GPL-3.0-or-later
// Skyformer: its sample, the kernel that it tends to, heads coupled or not, and what it says of its error.
#include "core/engine/gaussian_kernel.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <set>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// |Skyformer - C|_F / |C|_F
double errorAgainstKernel(const Inputs& in, const std::vector<ParamText>& given)
{
    const Tensor kernel = mapOf("kernelized", in);
    Matrix64 truth(kernel.rows(), kernel.cols());
    std::copy(kernel.values().begin(), kernel.values().end(), truth.values.begin());
    return frobeniusDifference(mapOf("skyformer", in, given), truth) / frobenius(truth);
}

} // namespace

class TestSkyformer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void samplesQueriesThenKeys()
    {
        const auto sample = skyformerSample({10, 3, 6, false, 4}, 50, 70);
        QCOMPARE(sample.size(), std::size_t{30});
        for (std::size_t i = 0; i < 30; ++i)
            QVERIFY(i < 15 ? sample[i] >= 0 && sample[i] < 50 : sample[i] >= 50 && sample[i] < 120);
        QVERIFY(std::set<Index>(sample.begin(), sample.end()).size() > 10);
        QVERIFY(sample != skyformerSample({10, 3, 6, false, 5}, 50, 70));
    }

    void middleIsSymmetricAndPositive()
    {
        const auto data = randomInputs({1, 1, 40, 40, 8, 4}, 1);
        const SkyformerOptions options{16, 1, 6, false, 2};
        const SkyformerParts parts = skyformerParts(data.inputs(), {}, skyformerSample(options, 40, 40), options);
        for (Index a = 0; a < 16; ++a)
            for (Index b = 0; b < 16; ++b) {
                QVERIFY(std::fabs(parts.middle(a, b) - parts.middle(b, a)) < 1e-12);
                QVERIFY(parts.middle(a, b) > 0.0 && parts.middle(a, b) <= 1.0);
            }
    }

    void moreSamplesComeCloserToTheKernel()
    {
        // Rows in few tight groups: samples soon hit all of them.
        auto data = randomInputs({1, 1, 128, 128, 8, 4}, 3, 0.05F);
        const auto centres = randomInputs({1, 1, 4, 4, 8, 4}, 4);
        for (Index i = 0; i < 128; ++i)
            for (Index c = 0; c < 8; ++c) {
                data.q.matrix()(i, c) += centres.q.matrix()(i % 4, c);
                data.k.matrix()(i, c) += centres.q.matrix()(i % 4, c);
            }
        const double few = errorAgainstKernel(data.inputs(), {{"features", "2"}});
        const double many = errorAgainstKernel(data.inputs(), {{"features", "64"}, {"iterations", "12"}});
        QVERIFY2(many < 0.05 && few > 4.0 * many, qPrintable(QString("%1 %2").arg(few).arg(many)));
    }

    void officialInitCouplesHeads()
    {
        auto data = randomInputs({1, 2, 60, 60, 8, 4}, 5);
        const std::vector<ParamText> official{{"features", "12"}, {"init", "official"}, {"iterations", "2"}};
        const std::vector<ParamText> alone{{"features", "12"}, {"iterations", "2"}};
        const Tensor before = mapOf("skyformer", data.inputs(), official);
        const Tensor own = mapOf("skyformer", data.inputs(), alone);
        for (const auto tensor : {&data.q, &data.k})
            for (float& x : std::span(tensor->matrix({0, 1}).data, 60 * 8))
                x *= 0.1F;
        QVERIFY(maxDifference(mapOf("skyformer", data.inputs(), alone), own) == 0.0);
        QVERIFY(maxDifference(mapOf("skyformer", data.inputs(), official), before) > 1e-6);
    }

    void saysHowFarItIs()
    {
        const auto data = randomInputs({1, 1, 50, 50, 8, 4}, 6);
        const auto curves = findMethod("skyformer")->theory(data.inputs(), {}, paramsOf("skyformer"), {});
        QVERIFY(curves.ok() && curves->size() == 1);
        QVERIFY(curves->front().caption.find("differs from C by") != std::string::npos);
    }
};

static const attnscope::tests::RegisterTest<TestSkyformer> registered("test_skyformer");

#include "test_skyformer.moc"
