// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel methods and recurrent mixers on a GPU against their float64 definitions, in every number format; skipped where there is no GPU.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/map_gap.h"
#include "support/on_card.h"
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
        QFETCH(QString, id);
        QFETCH(int, n);
        QFETCH(int, d);
        compare(id, {}, {2, 4, n, n, d, d}, {Dtype::F32, Dtype::F16, Dtype::BF16}, 1e-2);
    }

    void agreesAcrossSegments_data()
    {
        QTest::addColumn<QString>("id");
        for (const char* const id : {"linear-elu", "performer", "hedgehog", "cosformer", "efficient"})
            QTest::newRow(id) << QString::fromLatin1(id);
    }

    /// More keys than queries, which stand at the end of the third segment and across its border; other widths of values.
    void agreesAcrossSegments()
    {
        QFETCH(QString, id);
        compare(id, {}, {1, 4, 301, 777, 64, 48}, {Dtype::F32, Dtype::F16, Dtype::BF16}, 1e-2);
    }

    void agreesWithSettings_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QString>("settings");
        const auto add = [](const char* id, const char* settings) {
            QTest::newRow(qPrintable(QStringLiteral("%1 %2").arg(QLatin1String(id), QLatin1String(settings))))
                << QString::fromLatin1(id) << QString::fromLatin1(settings);
        };
        for (const char* const settings :
             {"map=oprf features=200", "map=oprf oprf-a=-0.02 features=160", "map=positive official-eps=on features=64",
              "map=hyperbolic official-eps=on features=64", "map=oprf official-eps=on features=64", "map=hyperbolic features=200",
              "map=relu features=70", "map=relu-tf features=200", "map=relu-deterministic"})
            add("performer", settings);
        for (const char* const settings : {"dim=8", "dim=17"})
            add("taylor", settings);
        for (const char* const settings : {"weights=fit steps=3", "map=exp", "map=exp-unshifted"})
            add("hedgehog", settings);
        for (const char* const settings : {"theta=lsq order=3 sigma=qk", "theta=lsq order=2 sigma=q polynomial=monomial",
                                           "theta=lsq order=2 sigma=abs-q polynomial=chebyshev"})
            add("agf", settings);
        add("cosformer", "activation=elu length=5000");
    }

    void agreesWithSettings()
    {
        QFETCH(QString, id);
        QFETCH(QString, settings);
        compare(id, settings, {1, 4, 130, 130, 40, 40}, {Dtype::F32, Dtype::F16, Dtype::BF16}, 1e-2);
    }

private:
    /// Every head of the method on the card, in all forms that there are, against its definition.
    static void compare(const QString& id, const QString& settings, const Shape& shape, std::initializer_list<Dtype> dtypes, double narrow)
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        auto data = tests::randomInputs(shape, static_cast<std::uint64_t>(shape.queries + shape.dim), 1.0F, 2);
        for (Tensor* const tensor : {&data.q, &data.k, &data.v})
            shorten(*tensor);
        const auto* const method = findMethod(id.toStdString());
        QVERIFY(method != nullptr);
        std::vector<ParamText> given;
        for (const QString& setting : settings.split(QLatin1Char(' '), Qt::SkipEmptyParts))
            given.emplace_back(setting.section(QLatin1Char('='), 0, 0).toStdString(), setting.section(QLatin1Char('='), 1).toStdString());
        const auto params = makeParams(method->info().params, given);
        QVERIFY2(params.ok(), params.ok() ? "" : params.error().what.c_str());
        for (const bool causal : {false, true})
            for (const auto dtype : dtypes) {
                const auto inputs = data.inputs(causal);
                const auto backend = cudaBackends().front()->in(dtype);
                QVERIFY(backend.ok());
                if (!(*backend)->supports(*method, inputs.shape(), causal))
                    continue;
                const auto out = tests::runOnCard(**backend, *method, inputs, *params);
                QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
                for (Index h = 0; h < shape.batch * shape.heads; ++h) {
                    const HeadRef head{h / shape.heads, h % shape.heads};
                    const auto map = method->define(inputs, head, *params);
                    QVERIFY(map.ok());
                    const double tolerance = dtype == Dtype::F32 ? std::max(1e-5, 1e-6 * map->condition) : narrow;
                    const double gap = gapOf(out->matrix(head), *map, inputs.vOf(head));
                    QVERIFY2(gap <= tolerance, qPrintable(QStringLiteral("%1 of %2, causal %3, 16 bits %4, head %5")
                                                              .arg(gap)
                                                              .arg(tolerance)
                                                              .arg(causal)
                                                              .arg(dtype != Dtype::F32)
                                                              .arg(h)));
                }
            }
    }
};

static const attnscope::tests::RegisterTest<TestCudaLinear> registered("test_cuda_linear");

#include "test_cuda_linear.moc"
