// SPDX-License-Identifier: GPL-3.0-or-later
// What goes wrong with a real card: a person cancels, its memory ends, it is lost. Skipped, with the reason, where there is none.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/cuda_driver.h"
#include "support/heard_notices.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QElapsedTimer>
#include <QProcess>
#include <QTest>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

using namespace attnscope;

namespace {

constexpr const char* kLoseDevice = "ATTNSCOPE_TEST_LOSE_DEVICE";

const Backend& card(Dtype dtype = Dtype::F32) { return **cudaBackends().front()->in(dtype); }
const AttentionMethod& softmax() { return *findMethod("softmax"); }

/// Runs work(context), asks it to stop when it first says that it is under way, and prints how long it took to end.
template <class Work>
bool stopsWhenAsked(const char* what, Work work)
{
    std::stop_source stop;
    RunContext context;
    context.stop = stop.get_token();
    std::atomic<bool> begun{false};
    std::atomic<double> reached{0.0};
    context.progress = [&](double fraction) {
        begun = fraction > 0.0;
        reached = fraction;
    };
    QElapsedTimer sinceAsked;
    std::jthread person([&] {
        while (!begun)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        sinceAsked.start();
        stop.request_stop();
    });
    const auto result = work(context);
    const auto took = sinceAsked.isValid() ? sinceAsked.nsecsElapsed() : 0;
    begun = true; // had it ended before
    person.join();
    qInfo("%s: ended %.1f ms after it was asked to stop, at %.0f %%", what, static_cast<double>(took) * 1e-6, 100.0 * reached);
    return !result.ok() && result.error().code == Errc::Cancelled;
}

/// The largest |a - b|; NaN where a number is not one.
double gapOf(std::span<const float> a, std::span<const float> b)
{
    double gap = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double here = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        gap = std::isnan(here) ? here : std::max(gap, here);
    }
    return gap;
}

Tensor overviewOf(const ScoreSource& map, int level)
{
    const Block all{0, 0, pooledSize(map.rows(), level), pooledSize(map.cols(), level), level};
    Tensor cells(1, 1, all.rows, all.cols);
    std::fill(cells.values().begin(), cells.values().end(), NAN);
    if (const auto read = map.read(all, Pool::Max, cells.matrix(), {}); !read)
        qWarning("%s", read.error().what.c_str());
    return cells;
}

} // namespace

class TestCudaTrouble : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
    }

    void stopsALongRun_data()
    {
        QTest::addColumn<QString>("dtype");
        for (const auto name : kDtypeNames)
            QTest::newRow(std::string(name).c_str()) << QString::fromUtf8(name.data(), qsizetype(name.size()));
    }

    void stopsALongRun()
    {
        QFETCH(QString, dtype);
        constexpr Index kHeads = 64; // that all are the same costs the card as much
        auto data = tests::randomInputs({1, 1, 131072, 131072, 64, 64}, 1);
        auto inputs = data.inputs();
        inputs.q.shape[1] = kHeads;
        inputs.q.strides[1] = 0;
        const auto& backend = card(*parseDtype(dtype.toStdString()));
        QVERIFY(stopsWhenAsked(qPrintable("exact, 64 heads of 131072 tokens, " + dtype),
                               [&](const RunContext& context) { return backend.run(softmax(), inputs, {}, context); }));
    }

    void stopsALongMap()
    {
        const auto data = tests::randomInputs({1, 1, 524288, 524288, 64, 64}, 2);
        const auto inputs = data.inputs();
        QVERIFY(stopsWhenAsked("making the map of 524288 tokens, f32",
                               [&](const RunContext& context) { return card().scores(softmax(), inputs, {}, {}, context); }));
        const auto map = card().scores(softmax(), inputs, {}, {}, {});
        QVERIFY(map.ok());
        constexpr int kLevel = 9;
        Tensor cells(1, 1, 1024, 1024);
        QVERIFY(stopsWhenAsked("the overview of 524288 tokens, f32", [&](const RunContext& context) {
            return (*map)->read({0, 0, 1024, 1024, kLevel}, Pool::Mean, cells.matrix(), context);
        }));
        QVERIFY(stopsWhenAsked("the row statistics of 524288 tokens, f32",
                               [&](const RunContext& context) { return card().rowStatistics(inputs, {}, context); }));
    }

    void allocatesNothingTheSecondTime()
    {
        tests::CudaDriver driver;
        QVERIFY(driver.isReady());
        const auto data = tests::randomInputs({1, 8, 4096, 4096, 64, 64}, 3);
        const auto inputs = data.inputs();
        const auto& linear = *findMethod("linear-elu");
        const auto params = defaultParams(linear.info().params);
        const auto all = [&] {
            QVERIFY(card().run(softmax(), inputs, {}, {}).ok());
            QVERIFY(card().run(linear, inputs, params, {}).ok());
            const auto exact = card().scores(softmax(), inputs, {}, {}, {});
            const auto factored = card().scores(linear, inputs, {}, params, {});
            QVERIFY(exact.ok() && factored.ok());
            overviewOf(**card().difference(*factored, *exact, DifferenceMetric::Error), 4);
            QVERIFY(card().rowStatistics(inputs, {}, {}).ok());
        };
        all();
        const auto reserved = driver.poolBytes();
        QVERIFY(reserved > 0);
        for (int again = 0; again < 3; ++again)
            all();
        QCOMPARE(driver.poolBytes(), reserved);
        qInfo("the pool holds %.1f MiB, before and after", static_cast<double>(reserved) / 1048576.0);
    }

    void takesPartsWhereMemoryEnds()
    {
        tests::CudaDriver driver;
        QVERIFY(driver.isReady());
        const auto data = tests::randomInputs({1, 32, 32768, 32768, 64, 64}, 4);
        const auto inputs = data.inputs(true);
        const auto whole = card().run(softmax(), inputs, {}, {});
        QVERIFY(whole.ok());
        tests::HeardNotices heard;
        driver.fill(std::size_t{700} << 20);
        const auto parts = card().run(softmax(), inputs, {}, {});
        driver.release();
        QVERIFY2(parts.ok(), parts.ok() ? "" : parts.error().what.c_str());
        QVERIFY(heard.contain("takes them in parts"));
        QVERIFY(!heard.contain("on the CPU"));
        QCOMPARE(gapOf(whole->values(), parts->values()), 0.0); // each head is computed as before
    }

    void goesToTheCpuWhereNothingFits()
    {
        tests::CudaDriver driver;
        QVERIFY(driver.isReady());
        // More than the pool can have left in memory that a living map holds a part of.
        const auto data = tests::randomInputs({1, 1, 20000, 20000, 128, 128}, 5);
        const auto inputs = data.inputs();
        const auto expected = softmax().run(inputs, {}, {});
        const auto made = card().scores(softmax(), inputs, {}, {}, {});
        QVERIFY(made.ok());
        const auto before = overviewOf(**made, 5);
        tests::HeardNotices heard;
        driver.fill(0);
        const auto out = card().run(softmax(), inputs, {}, {});
        const bool ranOnCpu = heard.contain("on the CPU");
        const auto overview = overviewOf(**made, 5);
        const auto another = card().scores(softmax(), inputs, {}, {}, {});
        const auto rows = card().rowStatistics(inputs, {}, {});
        driver.release();
        QVERIFY(out.ok() && another.ok() && rows.ok());
        QVERIFY(ranOnCpu);
        QVERIFY(heard.contain("The map is computed on the CPU") && heard.contain("The row statistics are computed on the CPU"));
        QVERIFY(gapOf(out->values(), expected->values()) <= 1e-5);
        QVERIFY(gapOf(before.values(), overview.values()) <= 1e-5); // cells are weights, at most 1
    }

    void goesOnWithoutALostCard()
    {
        if (qEnvironmentVariableIsSet(kLoseDevice))
            return loseDevice();
        QProcess child;
        auto environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QString::fromLatin1(kLoseDevice), QStringLiteral("1"));
        child.setProcessEnvironment(environment);
        child.setProcessChannelMode(QProcess::ForwardedChannels);
        child.start(QCoreApplication::applicationFilePath(),
                    {QStringLiteral("--only"), QStringLiteral("test_cuda_trouble"), QStringLiteral("goesOnWithoutALostCard")});
        QVERIFY(child.waitForFinished(60000));
        QCOMPARE(child.exitStatus(), QProcess::NormalExit);
        QCOMPARE(child.exitCode(), 0);
    }

private:
    /// In a process of its own: its context is broken for good.
    void loseDevice()
    {
        const auto data = tests::randomInputs({1, 2, 500, 500, 64, 64}, 6);
        const auto inputs = data.inputs();
        const auto expected = softmax().run(inputs, {}, {});
        const auto map = card().scores(softmax(), inputs, {}, {}, {});
        QVERIFY(map.ok() && card().run(softmax(), inputs, {}, {}).ok());
        const auto before = overviewOf(**map, 2);
        tests::CudaDriver driver;
        QVERIFY(driver.isReady());
        if (!driver.breakContext())
            QSKIP("The driver built no kernel that traps.");
        tests::HeardNotices heard;
        for (int again = 0; again < 2; ++again) { // the first call finds the card lost, the second one knows
            const auto out = card(again == 0 ? Dtype::F32 : Dtype::F16).run(softmax(), inputs, {}, {});
            QVERIFY(out.ok());
            QVERIFY(gapOf(out->values(), expected->values()) <= 1e-6);
            QVERIFY(gapOf(overviewOf(**map, 2).values(), before.values()) <= 1e-5);
            const auto other = card().scores(softmax(), inputs, {0, 1}, {}, {});
            QVERIFY(other.ok());
            QVERIFY(!std::isnan(overviewOf(**other, 2).values().front()));
            QVERIFY(card().rowStatistics(inputs, {}, {}).ok());
        }
        QVERIFY(heard.contain("on the CPU"));
        const auto timed = card().time(softmax(), inputs, {}, 1, 1.0, {});
        QVERIFY(!timed.ok()); // a time of the CPU would stand under the card's name
        QVERIFY(timed.error().code == Errc::Device);
    }
};

static const attnscope::tests::RegisterTest<TestCudaTrouble> registered("test_cuda_trouble");

#include "test_cuda_trouble.moc"
