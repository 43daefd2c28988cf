// SPDX-License-Identifier: GPL-3.0-or-later
// Norms of rows that are computed on demand: the same whatever was read first and by whom.
#include "core/engine/row_norms.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <thread>

using namespace attnscope;
using namespace attnscope::tests;

class TestRowNorms : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void orderAndThreadsDoNotShow()
    {
        const Index n = 300;
        const auto data = randomInputs({1, 1, n, n, 16, 4}, 81);
        const Inputs in = data.inputs(true);
        const StreamingTask task{in.qOf({}), in.kOf({}), {}, in.effectiveScale(), fullSupport(n, n, true)};
        RowNorms whole(n);
        QVERIFY(whole.require(task, 0, n, {}));
        RowNorms pieces(n);
        std::vector<std::thread> threads;
        for (Index t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                RunContext one;
                one.threads = 1;
                for (Index i = n - 1 - t; i >= 0; i -= 3)
                    if (!pieces.require(task, i, 1, one))
                        return;
            });
        for (auto& thread : threads)
            thread.join();
        for (Index i = 0; i < n; ++i) {
            QCOMPARE(pieces.max(i), whole.max(i));
            QCOMPARE(pieces.inverse(i), whole.inverse(i));
        }
        double sum = 0.0; // row 7 against its definition
        for (Index j = 0; j <= 7; ++j) {
            double dot = 0.0;
            for (Index c = 0; c < 16; ++c)
                dot += static_cast<double>(in.qOf({})(7, c)) * in.kOf({})(j, c);
            sum += std::exp(dot * in.effectiveScale() - whole.max(7));
        }
        QVERIFY(std::abs(whole.inverse(7) * sum - 1.0) < 1e-5);
    }

    void stopsAndGoesOnLater()
    {
        const auto data = randomInputs({1, 1, 200, 200, 8, 4}, 82);
        const Inputs in = data.inputs();
        const StreamingTask task{in.qOf({}), in.kOf({}), {}, in.effectiveScale(), fullSupport(200, 200, false)};
        RowNorms norms(200);
        std::stop_source stop;
        stop.request_stop();
        RunContext stopped;
        stopped.stop = stop.get_token();
        QVERIFY(!norms.require(task, 0, 200, stopped));
        QVERIFY(norms.require(task, 199, 1, {}));
        QVERIFY(norms.inverse(199) > 0.0F);
        QVERIFY(norms.require(task, 0, 200, {}));
        QVERIFY(norms.inverse(0) > 0.0F);
    }
};

static const attnscope::tests::RegisterTest<TestRowNorms> registered("test_row_norms");

#include "test_row_norms.moc"
