// SPDX-License-Identifier: GPL-3.0-or-later
// A difference of maps pools the differences: opposite errors don't hide each other.
#include "core/scores/dense_source.h"
#include "core/scores/difference.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <functional>

using namespace attnscope;
using namespace attnscope::tests;

class TestDifference : public QObject {
    Q_OBJECT

private:
    static std::shared_ptr<const ScoreSource> filled(Index rows, Index cols, const std::function<float(Index, Index)>& cell,
                                                     Provenance provenance = Provenance::Exact)
    {
        Tensor t(1, 1, rows, cols);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < cols; ++j)
                t.matrix()(i, j) = cell(i, j);
        return makeDenseSource(std::move(t), provenance);
    }

private Q_SLOTS:
    void everyMetric()
    {
        const auto a = filled(
            3, 4, [](Index i, Index j) { return static_cast<float>(i - j); }, Provenance::Implied);
        const auto b = filled(3, 4, [](Index, Index j) { return j == 0 ? 0.0F : 0.5F; });
        const auto cell = [&](DifferenceMetric metric, Index i, Index j) { return *(*makeDifference(a, b, metric))->cell(i, j); };
        QCOMPARE(cell(DifferenceMetric::Error, 0, 2), -2.5F);
        QCOMPARE(cell(DifferenceMetric::Abs, 0, 2), 2.5F);
        QCOMPARE(cell(DifferenceMetric::Squared, 0, 2), 6.25F);
        QCOMPARE(cell(DifferenceMetric::Relative, 0, 2), 5.0F);
        QCOMPARE(cell(DifferenceMetric::Relative, 0, 0), 0.0F); // 0 against 0
        QVERIFY(std::isfinite(cell(DifferenceMetric::Relative, 2, 0)) && cell(DifferenceMetric::Relative, 2, 0) > 1e30F);
        QVERIFY((*makeDifference(a, b, DifferenceMetric::Abs))->provenance() == Provenance::Implied);
    }

    void oppositeErrorsDontHideEachOther()
    {
        // Errors +1 and -1 on alternating cells: the difference of pooled maps would be 0.
        const auto a = filled(64, 64, [](Index i, Index j) { return (i + j) % 2 == 0 ? 1.0F : -1.0F; });
        const auto b = filled(64, 64, [](Index, Index) { return 0.0F; });
        const auto pooled = [&](DifferenceMetric metric, Pool pool) {
            return readWhole(**makeDifference(a, b, metric), 4, pool).matrix()(1, 2);
        };
        QCOMPARE(pooled(DifferenceMetric::Abs, Pool::Max), 1.0F);
        QCOMPARE(pooled(DifferenceMetric::Abs, Pool::Mean), 1.0F);
        QCOMPARE(pooled(DifferenceMetric::Squared, Pool::Mean), 1.0F);
        QCOMPARE(pooled(DifferenceMetric::Error, Pool::Mean), 0.0F);
        QCOMPARE(pooled(DifferenceMetric::Error, Pool::Max), 1.0F);
        QCOMPARE(pooled(DifferenceMetric::Error, Pool::Min), -1.0F);
        QCOMPARE(std::fabs(pooled(DifferenceMetric::Error, Pool::Extreme)), 1.0F);
    }

    void meanErrorEqualsPooledCells()
    {
        // The shortcut through each map's own means against the cells themselves.
        const auto data = randomInputs({1, 1, 150, 150, 16, 2}, 121);
        const auto exact = findMethod("softmax")->scores(data.inputs(true), {}, {}, {});
        const auto other = findMethod("linear-elu")->scores(data.inputs(true), {}, paramsOf("linear-elu"), {});
        QVERIFY(exact && other);
        const auto error = makeDifference(*other, *exact, DifferenceMetric::Error);
        const auto dense = makeDenseSource(readWhole(**error));
        for (const int level : {1, 4, 8})
            for (const Pool pool : {Pool::Mean, Pool::Max, Pool::Min})
                QVERIFY(maxDifference(readWhole(**error, level, pool), readWhole(*dense, level, pool)) < 1e-6);
        QVERIFY((*error)->visible(3) == (KeyRange{0, 4}));
        QVERIFY((*error)->isZero(0, 10, 10, 5));
        QVERIFY(!(*error)->isZero(0, 9, 10, 5));
    }

    void sizesMustAgree()
    {
        const auto a = filled(3, 4, [](Index, Index) { return 0.0F; });
        const auto b = filled(4, 3, [](Index, Index) { return 0.0F; });
        const auto made = makeDifference(a, b, DifferenceMetric::Error);
        QVERIFY(!made.ok());
        QCOMPARE(made.error().code, Errc::InvalidShape);
    }

    void namesGoBothWays()
    {
        for (const auto metric : {DifferenceMetric::Error, DifferenceMetric::Abs, DifferenceMetric::Squared, DifferenceMetric::Relative})
            QVERIFY(*parseDifferenceMetric(toString(metric)) == metric);
        QCOMPARE(parseDifferenceMetric("percent").error().code, Errc::InvalidParam);
    }
};

static const attnscope::tests::RegisterTest<TestDifference> registered("test_difference");

#include "test_difference.moc"
