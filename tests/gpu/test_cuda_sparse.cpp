// SPDX-License-Identifier: GPL-3.0-or-later
// Sparse methods and sliding windows on a GPU against their float64 definitions, in every number format; skipped where there is no GPU.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/map_gap.h"
#include "support/on_card.h"
#include "support/register_test.h"

#include <QTest>

#include <limits>
#include <vector>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// Leaves NaN in the memory that the next run of these sizes is likely to get.
void poison(const Backend& backend, const Inputs& like)
{
    Tensor bad(like.v.batch(), like.v.heads(), like.v.rows(), like.v.cols());
    for (float& x : bad.values())
        x = std::numeric_limits<float>::quiet_NaN();
    const auto* const softmax = findMethod("softmax");
    Inputs inputs{like.q, like.k, bad.view(), false, 0.0F, nullptr};
    (void)backend.run(*softmax, inputs, defaultParams(softmax->info().params), {});
}

} // namespace

class TestCudaSparse : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithItsDefinition_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QString>("given"); // "key=value key=value window=n" of the inputs' own window
        QTest::addColumn<QList<int>>("shape");
        const QList<QList<int>> shapes{{1, 1, 5, 3},        {17, 17, 40, 40},    {67, 131, 64, 19},   {300, 300, 64, 64},
                                       {130, 257, 128, 96}, {500, 1000, 24, 33}, {90, 200, 160, 256}, {257, 257, 256, 130}};
        const QList<std::pair<QString, QString>> cases{{QStringLiteral("window"), QString()},
                                                       {QStringLiteral("window"), QStringLiteral("window=0")},
                                                       {QStringLiteral("window"), QStringLiteral("window=5 globals=3")},
                                                       {QStringLiteral("window"), QStringLiteral("window=33 globals=90")},
                                                       {QStringLiteral("window"), QStringLiteral("window=65536")},
                                                       {QStringLiteral("window"), QStringLiteral("window=20 globals=4 sliding=30")},
                                                       {QStringLiteral("softmax"), QStringLiteral("sliding=1")},
                                                       {QStringLiteral("softmax"), QStringLiteral("sliding=71")},
                                                       {QStringLiteral("softmax"), QStringLiteral("sliding=5000")},
                                                       {QStringLiteral("uniform"), QString()},
                                                       {QStringLiteral("uniform"), QStringLiteral("sliding=40")},
                                                       {QStringLiteral("bigbird"), QString()},
                                                       {QStringLiteral("bigbird"), QStringLiteral("block=7 random=2")},
                                                       {QStringLiteral("bigbird"), QStringLiteral("block=1 random=3")},
                                                       {QStringLiteral("bigbird"), QStringLiteral("block=100 random=0")}};
        for (const auto& [id, given] : cases)
            for (const auto& shape : shapes)
                QTest::newRow(qPrintable(
                    QStringLiteral("%1 %2 n%3 m%4 d%5 dv%6").arg(id, given).arg(shape[0]).arg(shape[1]).arg(shape[2]).arg(shape[3])))
                    << id << given << shape;
    }

    void agreesWithItsDefinition()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(QString, id);
        QFETCH(QString, given);
        QFETCH(QList<int>, shape);
        auto data = tests::randomInputs({2, 4, shape[0], shape[1], shape[2], shape[3]}, static_cast<std::uint64_t>(qHash(given)), 0.8F, 2);
        shorten(data);
        const auto* const method = findMethod(id.toStdString());
        QVERIFY(method != nullptr);
        auto params = defaultParams(method->info().params, 7);
        Index sliding = 0;
        for (const auto& word : given.split(QLatin1Char(' '), Qt::SkipEmptyParts)) {
            const auto pair = word.split(QLatin1Char('='));
            if (pair[0] == QLatin1String("sliding"))
                sliding = pair[1].toInt();
            else if (pair[0] == QLatin1String("keys"))
                params.texts["keys"] = pair[1].toStdString();
            else
                params.numbers[pair[0].toStdString()] = pair[1].toDouble();
        }
        for (const bool causal : {false, true}) {
            if (causal && !method->info().supportsCausal)
                continue;
            auto inputs = data.inputs(causal);
            inputs.window = sliding;
            compare(*method, inputs, params, {Dtype::F32, Dtype::TF32, Dtype::F16, Dtype::BF16});
        }
    }

    void cutsLongListsAndMergesTheirAnswers()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        // One head of 5,000 keys: the tiles of the global queries are longer than a balanced share.
        auto data = tests::randomInputs({1, 1, 2900, 5000, 24, 24}, 11, 0.8F);
        shorten(data);
        for (const auto* const id : {"window", "bigbird"}) {
            const auto* const method = findMethod(id);
            auto params = defaultParams(method->info().params, 3);
            if (id == std::string_view("window")) {
                params.numbers["globals"] = 2170; // 70 of the queries
                params.numbers["window"] = 11;
            }
            compare(*method, data.inputs(false), params, {Dtype::F32, Dtype::BF16});
        }
    }

    void refusesMoreQueriesThanKeys()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        const auto data = tests::randomInputs({1, 1, 20, 10, 8, 8}, 1);
        for (const auto* const id : {"window", "bigbird"}) {
            const auto* const method = findMethod(id);
            const auto out = tests::runOnCard(*cudaBackends().front(), *method, data.inputs(), defaultParams(method->info().params));
            QVERIFY(!out.ok());
            QCOMPARE(static_cast<int>(out.error().code), static_cast<int>(Errc::InvalidShape));
        }
    }

private:
    static void compare(const AttentionMethod& method, const Inputs& inputs, const Params& params, const std::vector<Dtype>& dtypes)
    {
        std::vector<Tensor> outputs;
        for (const auto dtype : dtypes) {
            const auto backend = cudaBackends().front()->in(dtype);
            QVERIFY(backend.ok());
            poison(**backend, inputs);
            auto out = tests::runOnCard(**backend, method, inputs, params);
            QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
            outputs.push_back(*std::move(out));
        }
        for (Index h = 0; h < inputs.q.batch() * inputs.q.heads(); ++h) {
            const HeadRef head{h / inputs.q.heads(), h % inputs.q.heads()};
            const auto map = method.define(inputs, head, params);
            QVERIFY(map.ok());
            for (std::size_t i = 0; i < dtypes.size(); ++i) {
                const double tolerance = dtypes[i] == Dtype::F32 ? 1e-5 : dtypes[i] == Dtype::BF16 ? 1e-2 : 3e-3;
                const double gap = gapOf(outputs[i].matrix(head), *map, inputs.vOf(head));
                const QString where = QStringLiteral("%1 causal %2 head %3: %4");
                QVERIFY2(gap <= tolerance,
                         qPrintable(where.arg(QLatin1String(toString(dtypes[i]).data())).arg(inputs.causal).arg(h).arg(gap)));
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestCudaSparse> registered("test_cuda_sparse");

#include "test_cuda_sparse.moc"
