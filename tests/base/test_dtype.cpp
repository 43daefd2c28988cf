// SPDX-License-Identifier: GPL-3.0-or-later
// Names of number formats, and what a backend without a format says.
#include "core/backend.h"
#include "core/compute/bf16_product.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestDtype : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void namesRoundTrip()
    {
        for (const auto dtype : {Dtype::F32, Dtype::TF32, Dtype::F16, Dtype::BF16})
            QVERIFY(*parseDtype(toString(dtype)) == dtype);
        QVERIFY(*parseDtype("fp32") == Dtype::F32);
        QVERIFY(*parseDtype("fp16") == Dtype::F16);
        QVERIFY(!parseDtype("f8"));
        QVERIFY(!parseDtype(""));
    }

    void theProcessorHasFloat32AndWithAUnitBfloat16()
    {
        QVERIFY(*cpuBackend().in(Dtype::F32) == &cpuBackend());
        QCOMPARE(cpuBackend().in(Dtype::BF16).ok(), bf16Unit() != Bf16Unit::None);
        for (const auto dtype : {Dtype::TF32, Dtype::F16}) {
            const auto other = cpuBackend().in(dtype);
            QVERIFY(!other.ok() && other.error().code == Errc::Unsupported && !other.error().hint.empty());
        }
        QVERIFY(cpuBackend().ceilings().error().code == Errc::Unsupported);
    }
};

static const attnscope::tests::RegisterTest<TestDtype> registered("test_dtype");

#include "test_dtype.moc"
