// SPDX-License-Identifier: GPL-3.0-or-later
// Reformer and Routing against the outputs of their packages (golden/methods/make_sparse_golden.py).
#include "core/engine/lsh.h"
#include "core/engine/spherical_clusters.h"
#include "support/dense_map.h"
#include "support/golden_arrays.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

double gapTo(const Inputs& in, const GroupedHead& head, const std::string& name)
{
    const auto out = runGrouped(in, [&](HeadRef) { return head; }, {});
    const Tensor expected = golden(name);
    return out && !expected.empty() ? relativeGap(out->matrix(), expected.matrix()) : std::numeric_limits<double>::infinity();
}

} // namespace

class TestGoldenSparse : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void reformer_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::newRow("bidirectional") << false;
        QTest::newRow("causal") << true;
    }
    void reformer()
    {
        QFETCH(bool, causal);
        const Tensor shared = golden("reformer_qk");
        const Tensor v = golden("reformer_v");
        const Tensor rotations = golden("reformer_rotations");
        QVERIFY(!shared.empty() && !v.empty() && !rotations.empty());
        const Inputs in{shared.view(), shared.view(), v.view(), causal, 0.0F, nullptr};
        const double gap = gapTo(in, tiedLshHead(in, {}, rotations, 12, {}), causal ? "reformer_causal" : "reformer");
        QVERIFY2(gap < 1e-5, qPrintable(QString::number(gap)));
    }

    void routing()
    {
        const Tensor q = golden("routing_q");
        const Tensor k = golden("routing_k");
        const Tensor v = golden("routing_v");
        const Tensor means = golden("routing_means");
        QVERIFY(!q.empty() && !k.empty() && !v.empty() && !means.empty());
        const Inputs in{q.view(), k.view(), v.view(), false, 0.0F, nullptr};
        GroupedHead head = groupedHead(in, {});
        head.merge = GroupMerge::Mean;
        head.groups = routedGroups(head.q, head.k, means.matrix(), 16, 16, {});
        const double gap = gapTo(in, head, "routing");
        QVERIFY2(gap < 1e-5, qPrintable(QString::number(gap)));
    }
};

static const attnscope::tests::RegisterTest<TestGoldenSparse> registered("test_golden_sparse");

#include "test_golden_sparse.moc"
