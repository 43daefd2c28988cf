// SPDX-License-Identifier: GPL-3.0-or-later
// Landmark methods on a GPU against their float64 definitions, each choice in every number format; skipped where there is no GPU.
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
};

/// Each choice, and sizes below and above a tile of 64.
const std::vector<Case>& cases()
{
    static const std::vector<Case> all{
        {"nystromformer", {}},
        {"nystromformer", {{"landmarks", "7"}, {"iterations", "0"}}},
        {"nystromformer", {{"landmarks", "65"}, {"iterations", "3"}}},
        {"nystromformer", {{"landmarks", "130"}}},
        {"nystromformer", {{"landmarks", "24"}, {"init", "official"}}},
        {"nystromformer", {{"landmarks", "24"}, {"selection", "strided"}}},
        {"nystromformer", {{"landmarks", "24"}, {"selection", "random"}}},
        {"nystromformer", {{"landmarks", "24"}, {"selection", "k-means"}}},
        {"nystromformer", {{"landmarks", "17"}, {"pinv", "exact"}}},
        {"nystromformer", {{"landmarks", "64"}, {"pinv", "exact"}}},
        {"linformer", {}},
        {"linformer", {{"rank", "7"}}},
        {"linformer", {{"rank", "129"}}},
        {"linformer", {{"projection", "conv"}, {"rank", "24"}}},
        {"linformer", {{"projection", "max-pool"}, {"rank", "24"}}},
        {"linformer", {{"projection", "gaussian"}}},
        {"linformer", {{"projection", "theorem-2"}, {"rank", "70"}}},
        {"linformer", {{"projection", "theorem-2"}, {"delta", "0.3"}, {"rank", "17"}}},
        {"skyformer", {}},
        {"skyformer", {{"features", "19"}, {"accumulation", "3"}}},
        {"skyformer", {{"features", "66"}, {"init", "official"}, {"iterations", "2"}}},
    };
    return all;
}

QString nameOf(const Case& one)
{
    QString name = QString::fromLatin1(one.method);
    for (const auto& [key, value] : one.params)
        name += QString::fromStdString(" " + key + "=" + value);
    return name;
}

} // namespace

class TestCudaLandmark : public QObject {
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
            for (const auto& [queries, keys, d, dv] : {Size{1, 1, 5, 3}, {17, 31, 40, 24}, {150, 331, 64, 64}, {131, 67, 19, 128}})
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
        auto data = tests::randomInputs({2, 4, queries, keys, d, dv}, static_cast<std::uint64_t>(queries + d + at), 1.0F, 2);
        for (Tensor* const tensor : {&data.q, &data.k, &data.v})
            shorten(*tensor);
        const auto* const method = findMethod(one.method);
        QVERIFY(method != nullptr);
        const auto params = makeParams(method->info().params, one.params, static_cast<std::uint64_t>(d));
        QVERIFY(params.ok());
        const auto inputs = data.inputs(false);
        std::vector<DefinedMap> maps;
        for (Index h = 0; h < 8; ++h) {
            auto map = method->define(inputs, {h / 4, h % 4}, *params);
            QVERIFY(map.ok());
            maps.push_back(*std::move(map));
        }
        for (const auto dtype : {Dtype::F32, Dtype::TF32, Dtype::F16, Dtype::BF16}) {
            const auto backend = cudaBackends().front()->in(dtype);
            QVERIFY(backend.ok());
            const auto out = tests::runOnCard(**backend, *method, inputs, *params);
            QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
            const double format = dtype == Dtype::F32 ? 1e-5 : dtype == Dtype::BF16 ? 1e-2 : 3e-3;
            for (Index h = 0; h < 8; ++h) {
                const auto& map = maps[static_cast<std::size_t>(h)];
                const double gap = gapOf(out->matrix({h / 4, h % 4}), map, inputs.vOf({h / 4, h % 4}));
                QVERIFY2(
                    gap <= std::max(format, 1e-6 * map.condition),
                    qPrintable(QStringLiteral("format %1: %2, condition %3").arg(static_cast<int>(dtype)).arg(gap).arg(map.condition)));
            }
        }
    }

    /// One matrix for all heads, for each key head, for each query head.
    void takesLoadedProjections()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        const auto* const method = findMethod("linformer");
        auto data = tests::randomInputs({2, 4, 77, 203, 24, 40}, 5, 1.0F, 2);
        const auto inputs = data.inputs(false);
        for (const Index eHeads : {1, 2, 4})
            for (const Index fHeads : {1, 4}) {
                auto matrices = tests::randomInputs({1, eHeads, 33, 33, 203, 203}, static_cast<std::uint64_t>(eHeads), 0.1F, eHeads);
                auto others = tests::randomInputs({1, fHeads, 33, 33, 203, 203}, 9, 0.1F, fHeads);
                auto params = makeParams(method->info().params, {{"projection", "loaded"}});
                QVERIFY(params.ok());
                params->tensors["e"] = std::make_shared<const Tensor>(std::move(matrices.q));
                params->tensors["f"] = std::make_shared<const Tensor>(std::move(others.q));
                const auto out = tests::runOnCard(*cudaBackends().front(), *method, inputs, *params);
                QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
                for (Index h = 0; h < 8; ++h) {
                    const auto map = method->define(inputs, {h / 4, h % 4}, *params);
                    QVERIFY(map.ok());
                    QVERIFY(gapOf(out->matrix({h / 4, h % 4}), *map, inputs.vOf({h / 4, h % 4})) <= 1e-5);
                }
            }
    }
};

static const attnscope::tests::RegisterTest<TestCudaLandmark> registered("test_cuda_landmark");

#include "test_cuda_landmark.moc"
