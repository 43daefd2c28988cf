// SPDX-License-Identifier: GPL-3.0-or-later
// The small parts of the forward pass against their formulas in float64: norms, activations, rotary tables, attention.
#include "core/model/activation.h"
#include "core/model/norm.h"
#include "core/model/rope.h"
#include "core/model/streaming_attention.h"
#include "model/model_reference.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <numbers>

using namespace attnscope;

class TestLayers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rmsNormHasUnitSquares()
    {
        const std::vector<float> x{3.0F, -4.0F, 12.0F, 84.0F};
        std::vector<float> out(4);
        Norm{{1.0F, 1.0F, 2.0F, 1.0F}, {}, 0.0F, false}.apply(x, out);
        const double root = std::sqrt((9.0 + 16.0 + 144.0 + 7056.0) / 4.0);
        QVERIFY(std::abs(out[0] - 3.0 / root) < 1e-7);
        QVERIFY(std::abs(out[2] - 24.0 / root) < 1e-7);
    }

    void layerNormIsCentred()
    {
        const std::vector<float> x{1001.0F, 1002.0F, 1003.0F};
        std::vector<float> out(3);
        Norm{{1.0F, 1.0F, 1.0F}, {0.0F, 5.0F, 0.0F}, 0.0F, true}.apply(x, out);
        QVERIFY(std::abs(out[0] + std::sqrt(1.5)) < 1e-6);
        QVERIFY(std::abs(out[1] - 5.0) < 1e-6);
    }

    void activationsMatchTheirFormulas()
    {
        const auto worst = [](Activation kind, auto formula) {
            double largest = 0.0;
            for (double x = -9.0; x < 9.0; x += 0.137) {
                auto value = static_cast<float>(x);
                const double expected = formula(static_cast<double>(value));
                activate(kind, {&value, 1});
                largest = std::max(largest, std::abs(value - expected));
            }
            return largest;
        };
        const auto logistic = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
        QVERIFY(worst(Activation::Silu, [&](double x) { return x * logistic(x); }) < 2e-6);
        QVERIFY(worst(Activation::QuickGelu, [&](double x) { return x * logistic(1.702 * x); }) < 2e-6);
        QVERIFY(worst(Activation::Gelu, [](double x) { return 0.5 * x * std::erfc(-x / std::numbers::sqrt2); }) < 2e-6);
        QVERIFY(worst(Activation::GeluTanh, [](double x) {
                    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
                }) < 2e-6);
        QVERIFY(worst(Activation::Relu, [](double x) { return std::max(0.0, x); }) == 0.0);
        QVERIFY(worst(Activation::Tanh, [](double x) { return std::tanh(x); }) < 2e-7);
    }

    void rotationKeepsNormsAndDependsOnDistance()
    {
        RopeConfig rope;
        rope.dims = 6;
        const RopeTable table(rope, 100, {});
        const std::array<float, 8> q{1, 2, 3, 4, 5, 6, 7, 8};
        const std::array<float, 8> k{-2, 1, 0.5, 3, -1, 2, 4, 4};
        const auto product = [&](Index i, Index j) {
            auto a = q;
            auto b = k;
            table.rotate(a.data(), i);
            table.rotate(b.data(), j);
            double sum = 0.0;
            for (std::size_t c = 0; c < a.size(); ++c)
                sum += static_cast<double>(a[c]) * b[c];
            return sum;
        };
        QVERIFY(std::abs(product(20, 13) - product(97, 90)) < 1e-4);
        QVERIFY(std::abs(product(20, 13) - product(20, 14)) > 1e-2);
        auto rotated = q;
        table.rotate(rotated.data(), 50);
        QCOMPARE(rotated[6], q[6]);
        QCOMPARE(rotated[7], q[7]);
    }

    void llama3KeepsShortWavesAndStretchesLongOnes()
    {
        RopeConfig plain;
        plain.dims = 64;
        plain.theta = 500000.0;
        RopeConfig scaled = plain;
        scaled.type = RopeType::Llama3;
        scaled.factor = 8.0;
        scaled.originalLength = 8192.0;
        const auto before = ropeFrequencies(plain, 1);
        const auto after = ropeFrequencies(scaled, 1);
        QCOMPARE(after.front(), before.front());
        QCOMPARE(after.back(), before.back() / 8.0F);
        for (std::size_t i = 0; i < before.size(); ++i)
            QVERIFY(after[i] <= before[i] && after[i] >= before[i] / 8.0F);
    }

    void attentionEqualsItsDefinition_data()
    {
        QTest::addColumn<int>("length");
        QTest::addColumn<int>("window");
        QTest::addColumn<bool>("causal");
        QTest::newRow("causal") << 333 << 0 << true;
        QTest::newRow("bidirectional") << 333 << 0 << false;
        QTest::newRow("narrow window") << 333 << 3 << true;
        QTest::newRow("window over blocks") << 700 << 300 << true;
        QTest::newRow("window of one") << 65 << 1 << true;
        QTest::newRow("one token") << 1 << 0 << true;
    }

    void attentionEqualsItsDefinition()
    {
        QFETCH(int, length);
        QFETCH(int, window);
        QFETCH(bool, causal);
        auto data = tests::randomInputs({1, 4, length, length, 12, 12}, 7, 2.0F, 2);
        const auto shared = std::make_shared<const LayerInputs>(
            LayerInputs{std::move(data.q), std::move(data.k), std::move(data.v), causal, 0.3F, {}, window});
        const LayerInputs& layer = *shared;
        Tensor out(1, 1, length, 48);
        QVERIFY(streamAttention(inputsOf(shared), out.matrix(), {}));
        for (const Index head : {0, 1, 2, 3}) {
            const auto map = tests::attentionOf(layer, head, window);
            const auto v = layer.v.matrix({0, head / 2});
            double worst = 0.0;
            for (Index i = 0; i < length; ++i)
                for (Index c = 0; c < 12; ++c) {
                    double expected = 0.0;
                    for (Index j = 0; j < length; ++j)
                        expected += map[static_cast<std::size_t>(i * length + j)] * v(j, c);
                    worst = std::max(worst, std::abs(expected - out.matrix()(i, head * 12 + c)));
                }
            QVERIFY2(worst < 2e-5, qPrintable(QString::number(worst)));
        }
    }
};

static const attnscope::tests::RegisterTest<TestLayers> registered("test_layers");

#include "test_layers.moc"
