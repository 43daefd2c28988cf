// SPDX-License-Identifier: GPL-3.0-or-later
// The sweep's order and statuses, on a backend whose times are known and on the CPU.
#include "core/bench/sweep.h"
#include "core/method/registry.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>
#include <condition_variable>
#include <mutex>

using namespace attnscope;

namespace {

/// Says that a run of n queries takes factor * n^power seconds, without running anything; `hangFrom`: waits to be stopped.
class SyntheticBackend final : public Backend {
public:
    double factor = 1e-9;
    double power = 2.0;
    Index hangFrom = 1 << 30;
    mutable std::vector<Index> timed{};

    std::string id() const override { return "synthetic"; }
    std::string device() const override { return "none"; }
    Result<void> supports(const AttentionMethod&, const Shape&, bool) const override { return {}; }
    Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const override
    {
        return method.run(inputs, params, context);
    }
    Result<RunTimes> time(const AttentionMethod&, const Inputs& inputs, const Params&, int repeats, double,
                          const RunContext& context) const override
    {
        const Index n = inputs.q.rows();
        timed.push_back(n);
        if (n >= hangFrom) {
            std::mutex mutex;
            std::unique_lock lock(mutex);
            std::condition_variable_any().wait(lock, context.stop, [] { return false; });
            return cancelledError();
        }
        return RunTimes{std::vector<double>(static_cast<std::size_t>(repeats), factor * std::pow(static_cast<double>(n), power))};
    }
};

SweepSpec specOf(const char* methods, Index last)
{
    SweepSpec spec;
    spec.methods = *parseMethodList(methods);
    spec.lengths = doublingLengths(64, last);
    spec.dim = 8;
    return spec;
}

} // namespace

class TestSweep : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void lengthsDouble() { QCOMPARE(doublingLengths(64, 600), (std::vector<Index>{64, 128, 256, 512})); }

    void samplesComeLengthByLength()
    {
        std::vector<std::pair<Index, std::size_t>> order;
        const auto samples = runSweep(specOf("softmax-reference;softmax-reference", 256), SyntheticBackend(), {},
                                      [&](const SweepSample& s) { order.emplace_back(s.n, s.index); });
        QVERIFY(samples.ok());
        QCOMPARE(order, (std::vector<std::pair<Index, std::size_t>>{{64, 0}, {64, 1}, {128, 0}, {128, 1}, {256, 0}, {256, 1}}));
        QCOMPARE(samples->size(), order.size());
    }

    void knownTimesGiveTheKnownExponent()
    {
        const auto samples = runSweep(specOf("softmax-reference", 8192), SyntheticBackend(), {});
        QVERIFY(std::abs(*samples->at(0).medianMs - 1e-6 * 64 * 64) < 1e-12);
        const auto fits = fitsOf(*samples);
        QCOMPARE(fits.size(), std::size_t{1});
        QCOMPARE(fits[0].backend, std::string("synthetic"));
        QVERIFY(std::abs(fits[0].fit.exponent - 2.0) < 1e-6);
    }

    void everyPairOfMethodsIsCompared()
    {
        const auto samples = runSweep(specOf("softmax-reference;softmax-reference", 512), SyntheticBackend(), {});
        const auto crossovers = crossoversOf(*samples);
        QCOMPARE(crossovers.size(), std::size_t{1});
        QVERIFY(!crossovers[0].at.has_value()); // equal times never cross
    }

    void predictedTimeIsCappedNotDropped()
    {
        SyntheticBackend backend;
        auto spec = specOf("softmax-reference", 4096);
        spec.timeCapSeconds = 1e-9 * 1024 * 1024 * 1.5;
        const auto samples = runSweep(spec, backend, {});
        QCOMPARE(samples->size(), spec.lengths.size());
        for (const auto& s : *samples)
            QVERIFY(s.status == (s.n <= 1024 ? SweepStatus::Ok : SweepStatus::Capped));
        QVERIFY(!samples->back().medianMs.has_value());
        QVERIFY(!samples->back().message.empty());
        QCOMPARE(*std::max_element(backend.timed.begin(), backend.timed.end()), Index{1024});
    }

    void hangingRunIsStoppedAndCapped()
    {
        SyntheticBackend backend;
        backend.hangFrom = 128;
        auto spec = specOf("softmax-reference", 256);
        spec.timeCapSeconds = 0.02;
        const auto samples = runSweep(spec, backend, {});
        QVERIFY(samples.ok());
        QVERIFY(samples->at(0).status == SweepStatus::Ok);
        QVERIFY(samples->at(1).status == SweepStatus::Capped);
        QVERIFY(samples->at(2).status == SweepStatus::Capped);
        QCOMPARE(backend.timed.back(), Index{128}); // 256 is not tried
    }

    void tooLargeIsOomNotDropped()
    {
        auto spec = specOf("softmax-reference", 1024);
        RunContext context;
        context.memoryBudget = 3 * 8 * 4 * 512; // the inputs of 512
        const auto samples = runSweep(spec, SyntheticBackend(), context);
        QVERIFY(samples.ok());
        QVERIFY(samples->at(0).status == SweepStatus::Ok);
        QCOMPARE(samples->back().n, Index{1024});
        QVERIFY(samples->back().status == SweepStatus::Oom);
    }

    void nothingFits()
    {
        RunContext context;
        context.memoryBudget = 1;
        const auto samples = runSweep(specOf("softmax-reference", 128), SyntheticBackend(), context);
        QCOMPARE(samples->size(), std::size_t{2});
        QVERIFY(samples->at(0).status == SweepStatus::Oom);
    }

    void cancelledWhereAsked()
    {
        std::stop_source source;
        RunContext context;
        context.stop = source.get_token();
        int seen = 0;
        const auto samples = runSweep(specOf("softmax-reference", 65536), SyntheticBackend(), context, [&](const SweepSample&) {
            if (++seen == 3)
                source.request_stop();
        });
        QVERIFY(!samples.ok());
        QCOMPARE(samples.error().code, Errc::Cancelled);
        QCOMPARE(seen, 3);
    }

    void cpuTimesAreReal()
    {
        auto spec = specOf("softmax-reference", 256);
        spec.heads = 2;
        spec.causal = true;
        const auto samples = runSweep(spec, cpuBackend(), {});
        QVERIFY(samples.ok());
        for (const auto& s : *samples) {
            QVERIFY(s.status == SweepStatus::Ok);
            QVERIFY(*s.q1Ms > 0.0 && *s.q1Ms <= *s.medianMs && *s.medianMs <= *s.q3Ms);
            QVERIFY(s.flops > 0.0);
            QVERIFY(s.causal);
            QCOMPARE(s.heads, Index{2});
        }
    }

    void badSpecIsRefused()
    {
        auto spec = specOf("softmax-reference", 256);
        std::swap(spec.lengths.front(), spec.lengths.back());
        QCOMPARE(runSweep(spec, cpuBackend(), {}).error().code, Errc::InvalidParam);
        spec.lengths.clear();
        QCOMPARE(runSweep(spec, cpuBackend(), {}).error().code, Errc::InvalidParam);
    }
};

static const attnscope::tests::RegisterTest<TestSweep> registered("test_sweep");

#include "test_sweep.moc"
