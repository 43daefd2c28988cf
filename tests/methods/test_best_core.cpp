// SPDX-License-Identifier: GPL-3.0-or-later
// Best core stands between the SVD floor and the method whose factors it keeps.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("best-core"); }

const std::vector<std::string>& originals() { return method().info().params.front().choices; }

/// A method's own kind of rank as a parameter; none where it has none.
std::vector<ParamText> rankOf(const std::string& id, int rank)
{
    for (const auto& spec : findMethod(id)->info().params)
        if (spec.key == "rank" || spec.key == "features" || spec.key == "landmarks")
            return {{spec.key, std::to_string(rank)}};
    return {};
}

} // namespace

class TestBestCore : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void standsBetweenFloorAndMethod_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<int>("rank");
        for (const auto& id : originals())
            for (const int rank : {6, 24})
                QTest::addRow("%s, %d", id.c_str(), rank) << QString::fromStdString(id) << rank;
    }
    void standsBetweenFloorAndMethod()
    {
        QFETCH(QString, id);
        QFETCH(int, rank);
        const std::string name = id.toStdString();
        QVERIFY(findMethod(name) != nullptr);
        for (const float deviation : {0.6F, 1.3F}) {
            const auto data = randomInputs({1, 1, 120, 140, 12, 2}, 71, deviation);
            const Matrix64 exact = exactMap(data.inputs(), {});
            const double actual = frobeniusDifference(tests::mapOf(name.c_str(), data.inputs(), rankOf(name, rank)), exact);
            const std::vector<ParamText> given{{"of", name}, {"rank", std::to_string(rank)}};
            const double best = frobeniusDifference(tests::mapOf("best-core", data.inputs(), given), exact);
            const Index bound = method().rankBound(data.inputs().shape(), paramsOf("best-core", given));
            const double floor = frobeniusDifference(tests::mapOf("svd", data.inputs(), {{"rank", std::to_string(bound)}}), exact);
            QVERIFY2(floor <= best * (1.0 + 1e-5), qPrintable(QStringLiteral("%1 > %2").arg(floor).arg(best)));
            QVERIFY2(best <= actual * (1.0 + 1e-5), qPrintable(QStringLiteral("%1 > %2").arg(best).arg(actual)));
        }
    }

    void leastSquaresLeaveNothingOfTheFactorsInTheResidual()
    {
        const auto data = randomInputs({1, 1, 60, 70, 8, 2}, 72);
        const Matrix64 exact = exactMap(data.inputs(), {});
        const Tensor best = tests::mapOf("best-core", data.inputs(), {{"of", "linformer"}, {"rank", "10"}});
        const Tensor own = tests::mapOf("linformer", data.inputs(), {{"rank", "10"}});
        double product = 0.0;
        for (Index i = 0; i < 60; ++i)
            for (Index j = 0; j < 70; ++j)
                product += (exact(i, j) - best.matrix()(i, j)) * own.matrix()(i, j);
        QVERIFY(std::abs(product) < 1e-4);
    }

    void aLandmarkForEachTokenIsExact()
    {
        const auto data = randomInputs({1, 1, 30, 30, 8, 2}, 74);
        const Tensor best = tests::mapOf("best-core", data.inputs(), {{"of", "nystromformer"}, {"rank", "30"}});
        QVERIFY(maxDifference(best, exactMap(data.inputs(), {})) < 1e-5);
    }

    void equalsDefinition()
    {
        for (const auto& id : originals()) {
            const auto data = randomInputs({1, 2, 90, 130, 12, 7}, 73, 1.0F, 1);
            const auto params = paramsOf("best-core", {{"of", id}, {"rank", "20"}}, 3);
            const auto defined = method().define(data.inputs(), {0, 1}, params);
            QVERIFY2(defined.ok(), id.c_str());
            Tensor expected(1, 1, 90, 130);
            std::transform(defined->cells.begin(), defined->cells.end(), expected.data(), [](double x) { return static_cast<float>(x); });
            QVERIFY2(relativeGap(tests::mapOf(method(), data.inputs(), {0, 1}, params).matrix(), expected.matrix()) < 1e-5, id.c_str());
            const auto out = method().run(data.inputs(), params, {});
            QVERIFY(out.ok());
            QVERIFY2(relativeGap(out->matrix({0, 1}), timesValues(expected.matrix(), data.inputs().vOf({0, 1})).matrix()) < 1e-5,
                     id.c_str());
        }
    }
};

static const attnscope::tests::RegisterTest<TestBestCore> registered("test_best_core");

#include "test_best_core.moc"
