// SPDX-License-Identifier: GPL-3.0-or-later
// Advice on maps for which the answer is known: local ones favour windows, flat ones kernels; errors are those that compare measures.
#include "core/method/registry.h"
#include "core/session/advice.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// Positions on a circle: each query's largest logits are its neighbours'.
RandomInputs localInputs(Index n)
{
    auto data = randomInputs({1, 1, n, n, 32, 8}, 5, 0.1F);
    for (Tensor* x : {&data.q, &data.k})
        for (Index i = 0; i < n; ++i)
            for (Index c = 0; c < 16; ++c) {
                const double angle = 0.012 * static_cast<double>((c + 1) * i);
                x->matrix()(i, 2 * c) += static_cast<float>(3.0 * std::cos(angle));
                x->matrix()(i, 2 * c + 1) += static_cast<float>(3.0 * std::sin(angle));
            }
    return data;
}

bool favours(const Advice& advice, const char* family)
{
    return std::find(advice.favoured.begin(), advice.favoured.end(), family) != advice.favoured.end();
}

} // namespace

class TestAdvice : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void localMapsFavourSparseMethods()
    {
        const auto data = localInputs(400);
        const auto advice = adviceFor(data.inputs(), {});
        QVERIFY(advice.ok());
        QVERIFY(advice->profile.nearWeight > 0.8);
        QVERIFY(favours(*advice, "sparse") && !favours(*advice, "kernel"));
        QVERIFY(!advice->lines.empty());
        QCOMPARE(advice->lines.front().family, std::string("sparse"));
    }

    void flatMapsFavourKernels()
    {
        const auto data = randomInputs({1, 1, 300, 300, 16, 8}, 6, 0.5F);
        const auto advice = adviceFor(data.inputs(), {});
        QVERIFY(advice.ok());
        QVERIFY(favours(*advice, "kernel"));
        QVERIFY(advice->summary().find("kernel") != std::string::npos);
    }

    void errorsAreThoseOfACompare()
    {
        const auto data = randomInputs({1, 1, 150, 150, 16, 8}, 7);
        const Inputs in = data.inputs(true);
        const auto advice = adviceFor(in, {});
        QVERIFY(advice.ok());
        QCOMPARE(advice->tokens, Index{150});
        const auto line = std::find_if(advice->lines.begin(), advice->lines.end(), [](const auto& l) { return l.method == "linear-elu"; });
        QVERIFY(line != advice->lines.end());
        const auto exact = evaluateExact(in, {});
        const auto& method = *findMethod("linear-elu");
        const auto metrics = measure(*compareWith(*exact, method, in, defaultParams(method.info().params), {}), {});
        QCOMPARE(line->outputRelFrobenius, metrics->output.relFrobenius);
        QCOMPARE(line->mapRelFrobenius, metrics->map.relFrobenius);
        QVERIFY(std::is_sorted(advice->lines.begin(), advice->lines.end(),
                               [](const auto& a, const auto& b) { return a.outputRelFrobenius < b.outputRelFrobenius; }));
    }
};

static const attnscope::tests::RegisterTest<TestAdvice> registered("test_advice");

#include "test_advice.moc"
