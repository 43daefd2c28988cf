// SPDX-License-Identifier: GPL-3.0-or-later
// Methods against values that other people's code gave (golden/methods/make_golden.py).
#include "core/engine/kernel_engine.h"
#include "core/engine/random_features.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/golden_arrays.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

struct GoldenInputs {
    Tensor q = golden("q");
    Tensor k = golden("k");
    Tensor v = golden("v");
    Inputs inputs(bool causal) const { return {q.view(), k.view(), v.view(), causal, 0.0F, nullptr}; }
};

double largestGap(const Tensor& out, const Tensor& expected)
{
    double gap = out.shape() == expected.shape() ? 0.0 : std::numeric_limits<double>::infinity();
    for (Index h = 0; h < expected.heads(); ++h)
        gap = std::max(gap, relativeGap(out.matrix({0, h}), expected.matrix({0, h})));
    return gap;
}

} // namespace

class TestGoldenMethods : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void performer_data()
    {
        QTest::addColumn<int>("map");
        QTest::addColumn<bool>("causal");
        QTest::addColumn<QString>("name");
        QTest::newRow("positive") << static_cast<int>(RandomMap::Positive) << false << "performer_positive";
        QTest::newRow("positive, causal") << static_cast<int>(RandomMap::Positive) << true << "performer_positive_causal";
        QTest::newRow("relu") << static_cast<int>(RandomMap::Relu) << false << "performer_relu";
        QTest::newRow("relu, causal") << static_cast<int>(RandomMap::Relu) << true << "performer_relu_causal";
    }
    void performer()
    {
        QFETCH(int, map);
        QFETCH(bool, causal);
        QFETCH(QString, name);
        const GoldenInputs data;
        const auto in = data.inputs(causal);
        auto w = std::make_shared<const Tensor>(golden("w"));
        QVERIFY(!w->empty());
        const auto features = makeRandomFeatures(static_cast<RandomMap>(map), w, in.effectiveScale());
        const auto out = runKernel(in, *features, {});
        QVERIFY(out.ok());
        const double gap = largestGap(*out, golden(name.toStdString()));
        QVERIFY2(gap < 1e-5, qPrintable(QString::number(gap)));
    }

    void linearElu()
    {
        const GoldenInputs data;
        for (const bool causal : {false, true}) {
            const auto out = findMethod("linear-elu")->run(data.inputs(causal), defaultParams({}), {});
            QVERIFY(out.ok());
            const double gap = largestGap(*out, golden(causal ? "linear_elu_causal" : "linear_elu"));
            QVERIFY2(gap < 1e-5, qPrintable(QString::number(gap)));
        }
    }

    void linformer()
    {
        const Tensor q = golden("linformer_q");
        const Tensor kv = golden("linformer_kv");
        QVERIFY(!q.empty() && !kv.empty());
        const auto& method = *findMethod("linformer");
        auto params = *makeParams(method.info().params, {{"projection", "loaded"}});
        params.tensors["e"] = std::make_shared<const Tensor>(golden("linformer_e"));
        params.tensors["f"] = std::make_shared<const Tensor>(golden("linformer_f"));
        const auto out = method.run({q.view(), kv.view(), kv.view(), false, 0.0F, nullptr}, params, {});
        QVERIFY(out.ok());
        const double gap = largestGap(*out, golden("linformer"));
        QVERIFY2(gap < 1e-5, qPrintable(QString::number(gap)));
    }
};

static const attnscope::tests::RegisterTest<TestGoldenMethods> registered("test_golden_methods");

#include "test_golden_methods.moc"
