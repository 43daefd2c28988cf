// SPDX-License-Identifier: GPL-3.0-or-later
// Exact attention in bfloat16 on the CPU against float64, within what the roundings of weights and outputs explain.
#include "core/base/half.h"
#include "core/cpu_bf16_backend.h"
#include "core/method/registry.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <limits>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr double kHalfUlp = 0x1p-8;         // of bfloat16, relative
constexpr double kPolynomial = 1.1e-4;      // of the kernel's power of two
constexpr double kFloat32 = 1000 * 0x1p-24; // of logits and sums

RandomInputs roundedInputs(const Shape& shape, Index kvHeads, std::uint64_t seed)
{
    auto made = randomInputs(shape, seed, 1.0F, kvHeads);
    for (Tensor* t : {&made.q, &made.k, &made.v})
        for (float& x : t->values())
            x = floatFromBfloat16(bfloat16FromFloat(x));
    return made;
}

const AttentionMethod& method(const char* id) { return *findMethod(id); }

/// One row's output and what sum p |v| bounds its error by.
struct Row {
    std::vector<double> out;
    std::vector<double> bound;
};

Row exactRow(const Inputs& in, HeadRef head, Index i)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const auto v = in.vOf(head);
    const KeyRange seen = in.mask().visible(i);
    std::vector<double> weights;
    double top = -std::numeric_limits<double>::infinity();
    for (Index j = seen.first; j < seen.last; ++j) {
        double logit = 0.0;
        for (Index c = 0; c < q.cols; ++c)
            logit += static_cast<double>(q(i, c)) * static_cast<double>(k(j, c));
        weights.push_back(logit * static_cast<double>(in.effectiveScale()));
        top = std::max(top, weights.back());
    }
    double sum = 0.0;
    for (double& w : weights)
        sum += w = std::exp(w - top);
    Row row{std::vector<double>(static_cast<std::size_t>(v.cols)), std::vector<double>(static_cast<std::size_t>(v.cols))};
    for (Index c = 0; c < v.cols; ++c) {
        double size = 0.0;
        for (Index j = seen.first; j < seen.last; ++j) {
            const double part = weights[static_cast<std::size_t>(j - seen.first)] / sum * static_cast<double>(v(j, c));
            row.out[static_cast<std::size_t>(c)] += part;
            size += std::abs(part);
        }
        row.bound[static_cast<std::size_t>(c)] =
            (kHalfUlp + 2.0 * kPolynomial + kFloat32) * size + kHalfUlp * std::abs(row.out[static_cast<std::size_t>(c)]);
    }
    return row;
}

void compareWithExact(const Inputs& in, const Tensor& out)
{
    for (Index b = 0; b < in.q.batch(); ++b)
        for (Index h = 0; h < in.q.heads(); ++h)
            for (Index i = 0; i < in.q.rows(); ++i) {
                const Row row = exactRow(in, {b, h}, i);
                for (Index c = 0; c < in.v.cols(); ++c) {
                    const auto at = static_cast<std::size_t>(c);
                    const double error = std::abs(static_cast<double>(out.matrix({b, h})(i, c)) - row.out[at]);
                    QVERIFY2(error <= row.bound[at], qPrintable(QString("row %1, column %2: %3").arg(i).arg(c).arg(error)));
                }
            }
}

} // namespace

Q_DECLARE_METATYPE(Shape)

class TestCpuBf16Backend : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (!cpuBf16Backend())
            QSKIP("this processor has neither AVX-512 BF16 nor AMX");
    }

    void softmaxIsRight_data()
    {
        QTest::addColumn<Shape>("shape");
        QTest::addColumn<int>("kvHeads");
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("window");
        for (const bool causal : {false, true}) {
            const auto row = [causal](const char* name, const Shape& shape, int kvHeads, int window) {
                QTest::addRow("%s%s", name, causal ? ", causal" : "") << shape << kvHeads << causal << window;
            };
            row("one token", {1, 1, 1, 1, 5, 3}, 1, 0);
            row("seventeen", {2, 2, 17, 17, 40, 24}, 2, 0);
            row("grouped heads", {2, 4, 65, 131, 64, 72}, 2, 0);
            row("a thousand", {1, 1, 1000, 1000, 40, 64}, 1, 0);
            row("a window", {1, 2, 300, 411, 128, 128}, 1, 33);
        }
    }
    void softmaxIsRight()
    {
        QFETCH(const Shape, shape);
        QFETCH(const int, kvHeads);
        QFETCH(const bool, causal);
        QFETCH(const int, window);
        const auto data = roundedInputs(shape, kvHeads, 71);
        Inputs in = data.inputs(causal);
        in.window = window;
        const auto out = cpuBf16Backend()->run(method("softmax"), in, Params(), {});
        QVERIFY(out.ok());
        compareWithExact(in, *out);
    }

    void largeLogitsStayFinite()
    {
        auto data = roundedInputs({1, 1, 70, 200, 32, 8}, 1, 72);
        for (float& x : data.q.values())
            x *= 256.0F;
        const auto out = cpuBf16Backend()->run(method("softmax"), data.inputs(), Params(), {});
        QVERIFY(out.ok());
        compareWithExact(data.inputs(), *out);
    }

    void otherMethodsAndFormatsAreRefusedInASentence()
    {
        const auto refused = cpuBf16Backend()->supports(method("linear-elu"), {1, 1, 8, 8, 4, 4}, false);
        QVERIFY(!refused);
        QVERIFY(refused.error().what.find("softmax has one") != std::string::npos);
        QCOMPARE(*cpuBackend().in(Dtype::BF16), cpuBf16Backend());
        QCOMPARE(*cpuBf16Backend()->in(Dtype::F32), &cpuBackend());
        QVERIFY(!cpuBackend().in(Dtype::F16));
    }

    void aStoppedRunIsCancelled()
    {
        const auto data = roundedInputs({1, 1, 256, 256, 16, 16}, 1, 73);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto out = cpuBf16Backend()->run(method("softmax"), data.inputs(), Params(), context);
        QVERIFY(!out);
        QCOMPARE(out.error().code, Errc::Cancelled);
    }

    void timesAreGiven()
    {
        const auto data = roundedInputs({1, 1, 64, 64, 16, 16}, 1, 74);
        const auto times = cpuBf16Backend()->time(method("softmax"), data.inputs(), Params(), 3, 1.0, {});
        QVERIFY(times.ok());
        QCOMPARE(times->seconds.size(), std::size_t{3});
    }
};

static const attnscope::tests::RegisterTest<TestCpuBf16Backend> registered("test_cpu_bf16_backend");

#include "test_cpu_bf16_backend.moc"
