// SPDX-License-Identifier: GPL-3.0-or-later
// Row statistics of a GPU against those of the CPU, in every number format; skipped where there is no GPU.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/heard_notices.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>
#include <cmath>

using namespace attnscope;

class TestCudaRows : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreeWithTheCpu_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("d");
        QTest::addColumn<bool>("causal");
        for (const bool causal : {false, true})
            for (const auto& [n, m, d] : {std::tuple{1, 1, 64}, {17, 17, 40}, {300, 411, 64}, {1000, 1000, 128}, {5, 900, 8}})
                QTest::addRow("%d x %d, d %d%s", n, m, d, causal ? ", causal" : "") << n << m << d << causal;
    }

    void agreeWithTheCpu()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, d);
        QFETCH(bool, causal);
        const auto data = tests::randomInputs({2, 4, queries, keys, d, 8}, static_cast<std::uint64_t>(queries + d), 1.0F, 2);
        const auto inputs = data.inputs(causal);
        const HeadRef head{1, 3};
        const auto cpu = cpuBackend().rowStatistics(inputs, head, {});
        QVERIFY(cpu.ok());
        const tests::HeardNotices heard;
        for (const auto dtype : {Dtype::F32, Dtype::TF32, Dtype::F16, Dtype::BF16}) {
            const auto gpu = (*cudaBackends().front()->in(dtype))->rowStatistics(inputs, head, {});
            QVERIFY(gpu.ok());
            QCOMPARE(heard.count(), std::size_t{0});
            // Logits are sums of d products of N(0, 1) numbers over sqrt(d), each number rounded to 2^-11 (2^-22 of both parts):
            // errors of up to about 8 deviations of 2^-11, and a weight's relative error is that of its logit.
            const double logit = dtype == Dtype::F32 ? 1e-5 : std::ldexp(8.0, -11);
            QVERIFY(gpu->rows() == queries);
            for (Index row = 0; row < queries; ++row)
                compareRow(*cpu, *gpu, row, logit);
        }
    }

    void comeWithTheOutput_data()
    {
        QTest::addColumn<int>("queries");
        QTest::addColumn<int>("keys");
        QTest::addColumn<int>("d");
        QTest::addColumn<int>("dv");
        QTest::addColumn<bool>("causal");
        for (const bool causal : {false, true})
            for (const auto& [n, m, d, dv] : {std::tuple{1, 1, 64, 64},
                                              {17, 17, 40, 24},
                                              {300, 411, 64, 40},
                                              {1000, 1000, 128, 128},
                                              {5, 900, 8, 16},
                                              {200, 333, 200, 256}})
                QTest::addRow("%d x %d, d %d, dv %d%s", n, m, d, dv, causal ? ", causal" : "") << n << m << d << dv << causal;
    }

    void comeWithTheOutput()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(int, queries);
        QFETCH(int, keys);
        QFETCH(int, d);
        QFETCH(int, dv);
        QFETCH(bool, causal);
        const auto data = tests::randomInputs({2, 4, queries, keys, d, dv}, static_cast<std::uint64_t>(queries + d), 1.0F, 2);
        const auto inputs = data.inputs(causal);
        const tests::HeardNotices heard;
        for (const auto& backend : cudaBackends())
            for (const auto dtype : {Dtype::F32, Dtype::TF32, Dtype::F16, Dtype::BF16})
                if (dtype != Dtype::F32 || std::max(d, dv) <= 128) // split operands have no wider kernel
                    compareBoth(**backend->in(dtype), inputs);
        QCOMPARE(heard.count(), std::size_t{0});
    }

private:
    static void compareBoth(const Backend& card, const Inputs& inputs)
    {
        const auto both = card.exactWithRows(inputs, {});
        QVERIFY(both.ok());
        const auto alone = card.run(*findMethod("softmax"), inputs, {}, {});
        QVERIFY(alone.ok());
        QCOMPARE(both->rows.size(), std::size_t{8});
        // As above; bfloat16 has 8 significant bits.
        const double logit = card.dtype() == Dtype::F32 ? 1e-5 : std::ldexp(8.0, card.dtype() == Dtype::BF16 ? -8 : -11);
        double largest = 0.0;
        double gap = 0.0;
        for (std::size_t i = 0; i < alone->values().size(); ++i) {
            const double difference = std::abs(both->output.values()[i] - alone->values()[i]);
            gap = std::isnan(difference) ? difference : std::max(gap, difference);
            largest = std::max(largest, static_cast<double>(std::abs(alone->values()[i])));
        }
        QVERIFY(gap <= logit * largest); // the same sums in another order, rounded to the same format
        for (Index head = 0; head < 8; ++head) {
            const auto cpu = cpuBackend().rowStatistics(inputs, {head / 4, head % 4}, {});
            QVERIFY(cpu.ok());
            for (Index row = 0; row < inputs.q.rows(); ++row)
                compareRow(*cpu, both->rows[static_cast<std::size_t>(head)], row, logit);
        }
    }
    static void compareRow(const RowStatistics& cpu, const RowStatistics& gpu, Index row, double logit)
    {
        const auto at = static_cast<std::size_t>(row);
        QVERIFY(std::abs(cpu.lse[at] - gpu.lse[at]) <= logit + 1e-6 * std::abs(cpu.lse[at]));
        // dH = - sum dp (1 + ln p), |dp| <= p * 2 logit, and sum p |1 + ln p| <= 1 + H.
        QVERIFY(std::abs(cpu.entropy[at] - gpu.entropy[at]) <= 2.0 * logit * (1.0 + cpu.entropy[at]) + 1e-5);
        QVERIFY(std::abs(cpu.sumSquares[at] - gpu.sumSquares[at]) <= (4.0 * logit + 1e-5) * cpu.sumSquares[at]);
        for (std::size_t i = at * 8; i < at * 8 + 8; ++i) {
            QVERIFY(std::abs(cpu.topWeights[i] - gpu.topWeights[i]) <= (2.0 * logit + 1e-5) * cpu.topWeights[i]);
            QCOMPARE(gpu.topKeys[i] < 0, cpu.topKeys[i] < 0);
            const bool alone = (i % 8 == 0 || cpu.topWeights[i - 1] > cpu.topWeights[i] * (1.0 + 4.0 * logit + 1e-5)) &&
                               (i % 8 == 7 || cpu.topWeights[i + 1] < cpu.topWeights[i] * (1.0 - 4.0 * logit - 1e-5));
            if (alone && i % 8 != 7) // which of two equals comes first is chance
                QCOMPARE(gpu.topKeys[i], cpu.topKeys[i]);
        }
    }
};

static const attnscope::tests::RegisterTest<TestCudaRows> registered("test_cuda_rows");

#include "test_cuda_rows.moc"
