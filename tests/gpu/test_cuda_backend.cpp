// SPDX-License-Identifier: GPL-3.0-or-later
// Every method that a GPU says it supports, against float64; skipped, with the reason, where there is no GPU.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/on_card.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cmath>

using namespace attnscope;

namespace {

/// The exact map, a factored one, and their difference.
std::vector<std::shared_ptr<const ScoreSource>> mapsOf(const Backend& backend, const Inputs& inputs)
{
    std::vector<std::shared_ptr<const ScoreSource>> maps;
    for (const char* id : {"softmax", "linear-elu"}) {
        const auto* method = findMethod(id);
        maps.push_back(*backend.scores(*method, inputs, {0, 1}, defaultParams(method->info().params), {}));
    }
    maps.push_back(*backend.difference(maps[1], maps[0], DifferenceMetric::Error));
    return maps;
}

} // namespace

class TestCudaBackend : public QObject {
    Q_OBJECT

    static void compareMaps(const ScoreSource& gpu, const ScoreSource& cpu, int level, Pool pool)
    {
        const Block all{0, 0, pooledSize(300, level), pooledSize(411, level), level};
        Tensor a(1, 1, all.rows, all.cols);
        Tensor b(1, 1, all.rows, all.cols);
        std::fill(a.values().begin(), a.values().end(), NAN);
        QVERIFY(gpu.read(all, pool, a.matrix(), {}).ok() && cpu.read(all, pool, b.matrix(), {}).ok());
        for (std::size_t i = 0; i < a.values().size(); ++i)
            QVERIFY(std::abs(a.values()[i] - b.values()[i]) <= 1e-5F); // cells are weights, at most 1
    }

private Q_SLOTS:
    void saysWhyThereIsNone()
    {
        QCOMPARE(cudaUnavailableReason().empty(), !cudaBackends().empty());
        for (const auto& backend : cudaBackends())
            QVERIFY(backend->id().starts_with("cuda:"));
    }

    void agreesWithFloat64_data()
    {
        QTest::addColumn<int>("n");
        QTest::addColumn<int>("d");
        QTest::addColumn<int>("dv");
        QTest::addColumn<bool>("causal");
        for (const bool causal : {false, true})
            for (const auto& [n, d, dv] :
                 {std::tuple{1, 64, 64}, {17, 40, 24}, {100, 64, 128}, {1000, 128, 40}, {130, 256, 256}, {65, 8, 8}})
                QTest::addRow("n%d d%d dv%d %s", n, d, dv, causal ? "causal" : "bidirectional") << n << d << dv << causal;
    }

    void agreesWithFloat64()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(int, n);
        QFETCH(int, d);
        QFETCH(int, dv);
        QFETCH(bool, causal);
        const auto data = tests::randomInputs({2, 4, n, n, d, dv}, static_cast<std::uint64_t>(n + d), 1.0F, 2);
        const auto inputs = data.inputs(causal);
        const auto reference = findMethod("softmax-reference")->run(inputs, defaultParams({}), {});
        QVERIFY(reference.ok());
        for (const auto& backend : cudaBackends())
            for (const auto& method : allMethods()) {
                if (!method->info().exact || !backend->supports(*method, inputs.shape(), causal))
                    continue;
                const auto out = tests::runOnCard(*backend, *method, inputs, defaultParams(method->info().params));
                QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
                // Dot products of d terms and sums of n weights, each rounded to 2^-24: d and sqrt(n) of them.
                const double tolerance = std::ldexp(4.0 * (d + std::sqrt(double(n))), -24) * 4.0;
                for (std::size_t i = 0; i < out->values().size(); ++i)
                    QVERIFY(std::abs(out->values()[i] - reference->values()[i]) <= tolerance);
            }
    }

    void mapsAgreeWithTheCpu_data()
    {
        QTest::addColumn<int>("level");
        for (const int level : {0, 1, 3, 4, 6, 7, 8})
            QTest::addRow("level %d", level) << level;
    }

    void mapsAgreeWithTheCpu()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(int, level);
        const auto data = tests::randomInputs({1, 2, 300, 411, 40, 8}, 11);
        for (const bool causal : {false, true}) {
            const auto inputs = data.inputs(causal);
            const auto cpu = mapsOf(cpuBackend(), inputs);
            std::vector<std::vector<std::shared_ptr<const ScoreSource>>> all; // of every card, read when another one was used last
            for (const auto& backend : cudaBackends()) {
                all.push_back(mapsOf(*backend, inputs));
                for (const auto& map : all.back())
                    QVERIFY(backend->computes(*map));
            }
            for (const auto& gpu : all)
                for (std::size_t m = 0; m < cpu.size(); ++m)
                    for (const Pool pool : {Pool::Max, Pool::Mean, Pool::Min})
                        compareMaps(*gpu[m], *cpu[m], level, pool);
        }
    }

    void mapsOfDifferentCardsMeetOnTheCpu()
    {
        if (cudaBackends().size() < 2)
            QSKIP("There are no two GPUs.");
        const auto data = tests::randomInputs({1, 2, 300, 411, 40, 8}, 12);
        const auto inputs = data.inputs(false);
        const auto first = mapsOf(*cudaBackends()[0], inputs);
        const auto second = mapsOf(*cudaBackends()[1], inputs);
        const auto difference = cudaBackends()[1]->difference(second[1], first[0], DifferenceMetric::Error);
        QVERIFY(difference.ok());
        QVERIFY(!cudaBackends()[1]->computes(**difference));
        compareMaps(**difference, *mapsOf(cpuBackend(), inputs)[2], 3, Pool::Max);
    }

    void refusesWhatItHasNoKernelFor()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        const auto data = tests::randomInputs({1, 1, 8, 8, 300, 8}, 1);
        const auto out = tests::runOnCard(*cudaBackends().front(), *findMethod("softmax"), data.inputs(), defaultParams({}));
        QVERIFY(!out.ok());
        QVERIFY(out.error().code == Errc::Unsupported);
    }
};

static const attnscope::tests::RegisterTest<TestCudaBackend> registered("test_cuda_backend");

#include "test_cuda_backend.moc"
