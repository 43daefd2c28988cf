// SPDX-License-Identifier: GPL-3.0-or-later
// The float64 reference against closed forms.
#include "core/method/registry.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestSoftmaxReference : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void uniformWhereQueriesAreZero()
    {
        auto data = tests::randomInputs({1, 1, 5, 5, 3, 2}, 1);
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        const auto& method = *findMethod("softmax-reference");
        const auto out = method.run(data.inputs(), defaultParams({}), {});
        QVERIFY(out.ok());
        for (Index c = 0; c < 2; ++c) {
            double mean = 0.0;
            for (Index j = 0; j < 5; ++j)
                mean += data.v.matrix()(j, c) / 5.0;
            QVERIFY(std::abs(out->matrix()(3, c) - mean) < 1e-7);
        }
    }

    void twoKeysGiveTheLogistic()
    {
        auto data = tests::randomInputs({1, 1, 1, 2, 1, 1}, 2);
        data.q.values()[0] = 1.0F;
        data.k.values()[0] = 2.0F;
        data.k.values()[1] = 0.5F;
        const auto source = findMethod("softmax-reference")->scores(data.inputs(), {}, defaultParams({}), {});
        QVERIFY(source.ok());
        QVERIFY(std::abs(*(*source)->cell(0, 0) - 1.0 / (1.0 + std::exp(-1.5))) < 1e-7);
    }

    void causalFirstRowSeesOnlyItself()
    {
        auto data = tests::randomInputs({2, 3, 17, 17, 8, 5}, 3);
        auto in = data.inputs();
        in.causal = true;
        const auto out = findMethod("softmax-reference")->run(in, defaultParams({}), {});
        QVERIFY(out.ok());
        for (Index c = 0; c < 5; ++c)
            QCOMPARE(out->matrix({1, 2})(0, c), data.v.matrix({1, 2})(0, c));
    }
};

static const attnscope::tests::RegisterTest<TestSoftmaxReference> registered("test_softmax_reference");

#include "test_softmax_reference.moc"
