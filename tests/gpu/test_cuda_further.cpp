// SPDX-License-Identifier: GPL-3.0-or-later
// Methods with passes of their own on a GPU against their float64 definitions, each choice in every number format; skipped where there is
// no GPU.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/map_gap.h"
#include "support/on_card.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

struct Case {
    const char* method;
    std::vector<ParamText> params;
    float shift = 0.0F; ///< added to the keys
};

const std::vector<Case>& cases()
{
    static const std::vector<Case> all{
        {"kernelized", {}},
        {"rfa", {}},
        {"rfa", {{"features", "129"}, {"tau", "0.7"}, {"projection", "orthogonal"}}},
        {"rfa", {{"features", "64"}, {"norm", "official"}}},
        {"lucidrains-linear", {}},
        {"lucidrains-linear", {}, -6.0F}, // sums below the clamp
        {"lucidrains-linear", {{"preset", "row-normalised"}}},
        {"lucidrains-linear", {{"preset", "scaled-inputs"}}},
        {"lara", {}},
        {"lara", {{"landmarks", "7"}, {"weights", "balanced"}}},
        {"lara", {{"landmarks", "33"}, {"weights", "biased"}}},
        {"eva", {}},
        {"eva", {{"window", "24"}, {"chunk", "7"}, {"correction", "on"}}},
        {"eva", {{"window", "13"}, {"chunk", "130"}, {"padding", "official"}}},
        {"eva", {{"window", "0"}, {"chunk", "5"}}},
    };
    return all;
}

QString nameOf(const Case& one)
{
    QString name = QString::fromLatin1(one.method);
    for (const auto& [key, value] : one.params)
        name += QString::fromStdString(" " + key + "=" + value);
    return one.shift != 0.0F ? name + QStringLiteral(" shifted") : name;
}

} // namespace

class TestCudaFurther : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithItsDefinition_data()
    {
        QTest::addColumn<int>("at");
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("d");
        QTest::addColumn<int>("dv");
        struct Size {
            int queries, keys, d, dv;
        };
        for (std::size_t at = 0; at < cases().size(); ++at)
            for (const auto& [queries, keys, d, dv] : {Size{1, 1, 5, 3}, {17, 31, 40, 24}, {150, 331, 64, 64}, {67, 131, 19, 128}})
                QTest::newRow(qPrintable(QStringLiteral("%1 n%2 m%3 d%4").arg(nameOf(cases()[at])).arg(queries).arg(keys).arg(d)))
                    << static_cast<int>(at) << queries << keys << d << dv;
    }

    void agreesWithItsDefinition()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(int, at);
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, d);
        QFETCH(int, dv);
        const Case& one = cases()[static_cast<std::size_t>(at)];
        auto data = randomInputs({2, 4, queries, keys, d, dv}, static_cast<std::uint64_t>(queries + d + at), 1.0F, 2);
        for (float& x : data.k.values())
            x += one.shift;
        shorten(data);
        const auto* const method = findMethod(one.method);
        QVERIFY(method != nullptr);
        const auto params = makeParams(method->info().params, one.params, static_cast<std::uint64_t>(d));
        QVERIFY(params.ok());
        for (const bool causal : {false, true})
            if (!causal || method->info().supportsCausal)
                compare(*method, data.inputs(causal), *params);
    }

private:
    static void compare(const AttentionMethod& method, const Inputs& inputs, const Params& params)
    {
        std::vector<DefinedMap> maps;
        for (Index h = 0; h < 8; ++h) {
            auto map = method.define(inputs, {h / 4, h % 4}, params);
            QVERIFY(map.ok());
            maps.push_back(*std::move(map));
        }
        for (const auto dtype : {Dtype::F32, Dtype::TF32, Dtype::F16, Dtype::BF16}) {
            const auto backend = cudaBackends().front()->in(dtype);
            QVERIFY(backend.ok());
            QVERIFY((*backend)->supports(method, inputs.shape(), inputs.causal));
            const auto out = runOnCard(**backend, method, inputs, params);
            QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
            const double format = dtype == Dtype::F32 ? 1e-5 : dtype == Dtype::BF16 ? 1e-2 : 3e-3;
            for (Index h = 0; h < 8; ++h) {
                const auto& map = maps[static_cast<std::size_t>(h)];
                const double gap = gapOf(out->matrix({h / 4, h % 4}), map, inputs.vOf({h / 4, h % 4}), largestOf(dtype));
                QVERIFY2(gap <= std::max(format, 1e-6 * map.condition), qPrintable(QStringLiteral("causal %1, format %2: %3, condition %4")
                                                                                       .arg(int{inputs.causal})
                                                                                       .arg(static_cast<int>(dtype))
                                                                                       .arg(gap)
                                                                                       .arg(map.condition)));
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestCudaFurther> registered("test_cuda_further");

#include "test_cuda_further.moc"
