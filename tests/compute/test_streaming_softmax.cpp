// SPDX-License-Identifier: GPL-3.0-or-later
// Supports: which keys a query sees, and rows that see nothing. (What streaming computes is tested with softmax and window.)
#include "core/compute/streaming_softmax.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <array>

using namespace attnscope;
using namespace attnscope::tests;

class TestStreamingSoftmax : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void supportsCountWhatTheySee()
    {
        const KeySupport supports[] = {fullSupport(20, 30, false), fullSupport(20, 30, true), {30, 10, 3, 3, 0, 0},  {30, 10, 3, 0, 15, 0},
                                       {30, 10, 3, 2, 12, 100},    {30, 0, 0, 0, 40, 100},    {30, -25, 2, 2, 0, 0}, {30, 40, 3, 3, 2, 5}};
        for (const KeySupport& support : supports)
            for (Index i = 0; i < 20; ++i) {
                Index seen = 0;
                for (Index j = 0; j < 30; ++j)
                    seen += support.sees(i, j) ? 1 : 0;
                QCOMPARE(support.count(i), seen);
            }
        QCOMPARE(fullSupport(20, 30, true).end(0), 11);
        QCOMPARE(fullSupport(20, 30, false).count(19), 30);
    }

    void rowsThatSeeNothingAreZero()
    {
        const auto data = randomInputs({1, 1, 70, 30, 8, 4}, 95);
        Tensor out(1, 1, 64, 4);
        std::fill(out.values().begin(), out.values().end(), 7.0F);
        std::array<RowNorm, 64> norms;
        // Queries stand 25 keys before the first: the windows of the first 23 are empty.
        streamQueries({data.q.matrix(), data.k.matrix(), data.v.matrix(), 1.0F, {30, -25, 2, 2, 0, 0}}, 0, 64, out.matrix(), norms.data());
        for (Index i = 0; i < 64; ++i) {
            const bool empty = i < 23 || i > 56;
            QVERIFY((norms[static_cast<std::size_t>(i)].sum > 0.0) != empty);
            QVERIFY((out.matrix()(i, 2) == 0.0F) == empty);
        }
    }
};

static const attnscope::tests::RegisterTest<TestStreamingSoftmax> registered("test_streaming_softmax");

#include "test_streaming_softmax.moc"
