// SPDX-License-Identifier: GPL-3.0-or-later
// The uniform map and its pooled levels in closed form.
#include "core/scores/dense_source.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestUniform : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void outputsAreRunningMeans()
    {
        const auto data = randomInputs({2, 2, 30, 41, 3, 6}, 31);
        for (const bool causal : {false, true}) {
            const auto out = findMethod("uniform")->run(data.inputs(causal), {}, {});
            QVERIFY(out.ok());
            for (Index i = 0; i < 30; ++i) {
                const Index visible = causal ? i + 12 : 41;
                double mean = 0.0;
                for (Index j = 0; j < visible; ++j)
                    mean += data.v.matrix({1, 1})(j, 4) / static_cast<double>(visible);
                QVERIFY(std::fabs(out->matrix({1, 1})(i, 4) - mean) < 1e-6);
            }
        }
    }

    void isExactWhereQueriesAreZero()
    {
        auto data = randomInputs({1, 1, 20, 20, 4, 4}, 32);
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        for (const bool causal : {false, true})
            QVERIFY(maxDifference(mapOf("uniform", data.inputs(causal)), exactMap(data.inputs(causal), {})) < 1e-7);
    }

    void pooledLevelsEqualPooledCells()
    {
        for (const bool causal : {false, true}) {
            const auto data = randomInputs({1, 1, 37, 53, 2, 2}, 33);
            const auto source = findMethod("uniform")->scores(data.inputs(causal), {}, {}, {});
            QVERIFY(source.ok());
            const auto dense = makeDenseSource(readWhole(**source));
            for (int level = 1; level < 8; ++level)
                for (const Pool pool : {Pool::Max, Pool::Mean, Pool::Min, Pool::Extreme})
                    QVERIFY(maxDifference(readWhole(**source, level, pool), readWhole(*dense, level, pool)) < 1e-8);
        }
    }
};

static const attnscope::tests::RegisterTest<TestUniform> registered("test_uniform");

#include "test_uniform.moc"
