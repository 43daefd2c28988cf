// SPDX-License-Identifier: GPL-3.0-or-later
// Kernelized attention: its relation to softmax, and what becomes of equal rows.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestKernelized : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equallyLongKeysGiveSoftmaxButForTheRowSums()
    {
        auto data = randomInputs({1, 1, 50, 60, 16, 4}, 1);
        for (Index j = 0; j < 60; ++j) {
            double square = 0.0;
            for (const float x : data.k.matrix().rowSpan(j))
                square += static_cast<double>(x) * x;
            for (float& x : data.k.matrix().rowSpan(j))
                x *= static_cast<float>(4.0 / std::sqrt(square));
        }
        const Tensor map = mapOf("kernelized", data.inputs());
        const Matrix64 exact = exactMap(data.inputs(), {});
        for (Index i = 0; i < 50; ++i) {
            double sum = 0.0;
            for (const float x : map.matrix().rowSpan(i))
                sum += x;
            QVERIFY(sum > 0.0 && std::fabs(sum - 1.0) > 1e-3);
            for (Index j = 0; j < 60; ++j)
                QVERIFY(std::fabs(map.matrix()(i, j) / sum - exact(i, j)) < 1e-6);
        }
    }

    void aKeyAtItsQueryHasWeightOne()
    {
        auto data = randomInputs({1, 1, 10, 10, 8, 4}, 2, 3.0F);
        std::copy_n(data.q.matrix().row(3), 8, data.k.matrix().row(7));
        const Tensor map = mapOf("kernelized", data.inputs());
        QVERIFY(std::fabs(map.matrix()(3, 7) - 1.0F) < 1e-5F);
        QVERIFY(map.matrix()(3, 6) < 0.5F);
    }

    void saysWhatItIsNot()
    {
        const auto data = randomInputs({1, 1, 10, 10, 8, 4}, 3);
        const auto curves = findMethod("kernelized")->theory(data.inputs(), {}, paramsOf("kernelized"), {});
        QVERIFY(curves.ok() && curves->size() == 1 && !curves->front().caption.empty());
    }
};

static const attnscope::tests::RegisterTest<TestKernelized> registered("test_kernelized");

#include "test_kernelized.moc"
