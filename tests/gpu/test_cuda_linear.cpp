// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel methods and recurrent mixers on a GPU against their float64 definitions, in every number format; skipped where there is no GPU.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/map_gap.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestCudaLinear : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithItsDefinition_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<int>("n");
        QTest::addColumn<int>("d");
        const auto ids = QStringLiteral("linear-elu efficient performer taylor agf hedgehog cosformer retention mamba2 gla deltanet "
                                        "gated-deltanet kda");
        for (const QString& id : ids.split(QLatin1Char(' ')))
            for (const auto& [n, d] : {std::pair{1, 64}, {17, 40}, {300, 64}, {130, 128}, {67, 19}})
                QTest::newRow(qPrintable(QStringLiteral("%1 n%2 d%3").arg(id).arg(n).arg(d))) << id << n << d;
    }

    void agreesWithItsDefinition()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(QString, id);
        QFETCH(int, n);
        QFETCH(int, d);
        auto data = tests::randomInputs({2, 4, n, n, d, d}, static_cast<std::uint64_t>(n + d), 1.0F, 2);
        for (Tensor* const tensor : {&data.q, &data.k, &data.v})
            shorten(*tensor);
        const auto* const method = findMethod(id.toStdString());
        QVERIFY(method != nullptr);
        const auto params = defaultParams(method->info().params);
        for (const bool causal : {false, true}) {
            const auto inputs = data.inputs(causal);
            for (const auto dtype : {Dtype::F32, Dtype::F16, Dtype::BF16}) {
                const auto backend = cudaBackends().front()->in(dtype);
                QVERIFY(backend.ok());
                if (!(*backend)->supports(*method, inputs.shape(), causal))
                    continue;
                const auto out = (*backend)->run(*method, inputs, params, {});
                QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
                for (Index h = 0; h < 8; ++h) {
                    const HeadRef head{h / 4, h % 4};
                    const auto map = method->define(inputs, head, params);
                    QVERIFY(map.ok());
                    const double tolerance = dtype == Dtype::F32 ? std::max(1e-5, 1e-6 * map->condition) : 1e-2;
                    QVERIFY(gapOf(out->matrix(head), *map, inputs.vOf(head)) <= tolerance);
                }
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestCudaLinear> registered("test_cuda_linear");

#include "test_cuda_linear.moc"
