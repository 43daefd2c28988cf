// SPDX-License-Identifier: GPL-3.0-or-later
// Lightning Attention: both schedules of decays, and that it is not scaled.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestLightning : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void schedulesAreTheCodes_data()
    {
        QTest::addColumn<QString>("schedule");
        QTest::addColumn<int>("head");
        QTest::addColumn<int>("layer");
        QTest::addColumn<double>("halfLife");
        // 64 heads, 80 layers.
        QTest::newRow("minimax, first") << "minimax" << 0 << 0 << 0.8;
        QTest::newRow("minimax, middle head") << "minimax" << 31 << 0 << 11.1;
        QTest::newRow("minimax, middle layer") << "minimax" << 31 << 40 << 22.5;
        QTest::newRow("minimax, late layer") << "minimax" << 63 << 78 << 14007.0;
        QTest::newRow("fla, head 8") << "fla" << 8 << 0 << 0.6931;
        QTest::newRow("fla, half the layers") << "fla" << 8 << 40 << 1.386;
        QTest::newRow("fla, head 0") << "fla" << 0 << 0 << 1e30;
    }
    void schedulesAreTheCodes()
    {
        QFETCH(QString, schedule);
        QFETCH(int, head);
        QFETCH(int, layer);
        QFETCH(double, halfLife);
        const GatedInputs data({1, 64, 20, 20, 4, 2}, 41);
        const auto in = data.inputs();
        const HeadRef at{0, head};
        const Tensor map = mapOf("lightning", in, {{"schedule", schedule.toStdString()}, {"layer", std::to_string(layer)}}, at);
        Matrix64 expected = linearMap(in, at, 1.0);
        for (Index i = 0; i < 20; ++i)
            for (Index j = 0; j < i; ++j)
                expected(i, j) *= std::pow(0.5, static_cast<double>(i - j) / halfLife);
        QVERIFY(relativeDifference(map, expected) < 0.02);
    }

    void lastLayerHardlyDecays()
    {
        const GatedInputs data({1, 1, 1000, 1000, 8, 2}, 42);
        const auto in = data.inputs();
        const Tensor map = mapOf("lightning", in, {{"layer", "79"}});
        QVERIFY(relativeDifference(map, linearMap(in, {}, 1.0)) < 0.01);
    }
};

static const attnscope::tests::RegisterTest<TestLightning> registered("test_lightning");

#include "test_lightning.moc"
