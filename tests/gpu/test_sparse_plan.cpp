// SPDX-License-Identifier: GPL-3.0-or-later
// What a part of a run draws on the GPU is what the whole would; needs the CUDA Toolkit, but no card.
#include "gpu/sparse_plan.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>

using namespace attnscope;

class TestSparsePlan : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void drawsTheSameBlocksForAPart()
    {
        const BlockPattern pattern{400, 16, 3, 7};
        const auto whole = planBlocks({2, 4, 400, 400, 8, 8}, {}, pattern, 1).keys;
        const auto part = planBlocks({1, 2, 400, 400, 8, 8}, {1, 2}, pattern, 1).keys;
        QCOMPARE(whole.size(), 4 * part.size());
        QVERIFY(std::equal(part.begin(), part.end(), whole.end() - static_cast<std::ptrdiff_t>(part.size())));
        QVERIFY(!std::equal(part.begin(), part.end(), whole.begin()));
    }
};

static const attnscope::tests::RegisterTest<TestSparsePlan> registered("test_sparse_plan");

#include "test_sparse_plan.moc"
