// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring kernels here: every kind of kernel runs, a stop is heard, and the cache gives back what was measured or nothing.
#include "core/stack/card.h"
#include "core/stack/kernel_cache.h"
#include "core/stack/measure_kernels.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <QTemporaryDir>

using namespace attnscope;
using attnscope::tests::architectureOf;

namespace {

KernelProfile someProfile()
{
    KernelProfile profile;
    profile.machine = "a machine";
    profile.date = "2026-01-02";
    profile.threads = 3;
    profile.kernels["product"] = {{1, {1e-10, 2e-10, 3e-10}}, {512, {1e-11, 1.5e-11, 1.75e-11}}};
    profile.kernels["softmax 64x64"] = {{64, {1e-9, 1e-9, 1e-9}}};
    return profile;
}

bool same(const KernelProfile& a, const KernelProfile& b) { return writeKernelProfile(a) == writeKernelProfile(b); }

} // namespace

class TestMeasureKernels : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyKindRuns_data()
    {
        QTest::addColumn<int>("kind");
        QTest::addColumn<QString>("method");
        QTest::newRow("attention") << static_cast<int>(KernelKind::Attention) << "softmax";
        QTest::newRow("attention step") << static_cast<int>(KernelKind::AttentionStep) << "softmax";
        QTest::newRow("launch") << static_cast<int>(KernelKind::Launch) << "";
        for (const char* mixer : {"mamba1", "mamba2", "mamba3", "gla", "retention", "lightning", "deltanet", "gated-deltanet", "kda",
                                  "hgrn2", "rg-lru", "rwkv6", "rwkv7", "linear-elu"})
            QTest::newRow(mixer) << static_cast<int>(KernelKind::MixerStep) << mixer;
    }

    void everyKindRuns()
    {
        QFETCH(int, kind);
        QFETCH(QString, method);
        RunContext context;
        context.threads = 1;
        const auto samples = measureKernel({static_cast<KernelKind>(kind), method.toStdString(), 16, 16, 2}, context);
        QVERIFY2(samples.ok(), samples.ok() ? "" : samples.error().what.c_str());
        QVERIFY(!samples->empty());
        for (const auto& sample : *samples)
            QVERIFY(sample.unit.low > 0.0 && sample.unit.low <= sample.unit.median && sample.unit.median <= sample.unit.high);
    }

    void lengthsKeepToTheMemory()
    {
        RunContext context;
        context.threads = 1;
        const KernelSpec spec{KernelKind::AttentionStep, "softmax", 64, 64, 1};
        const auto all = measureKernel(spec, context);
        context.memoryBudget = std::uint64_t{4} << 20U; // a quarter holds 1,365 rows of q, k and v
        const auto few = measureKernel(spec, context);
        QVERIFY(all.ok() && few.ok());
        QCOMPARE(few->size(), std::size_t{2});
        QCOMPARE(few->back().n, 1024.0);
        QVERIFY(all->size() >= few->size());
    }

    void everyBundledMixerHasAMethod() // so that --card measured takes whatever the golden table holds
    {
        for (const auto& entry : std::filesystem::directory_iterator(attnscope::tests::architectureFolder()))
            for (const auto& spec : kernelsOf({architectureOf(entry.path().stem().string())}))
                QVERIFY2(spec.method.empty() || spec.dim > 0, entry.path().c_str());
        QCOMPARE(measureKernel({KernelKind::Mixer, "abacus", 8, 8, 1}, {}).error().code, Errc::Unsupported);
    }

    void aStopIsHeardAndKeepsWhatIsMeasured()
    {
        std::stop_source source;
        RunContext context;
        context.threads = 1;
        context.stop = source.get_token();
        context.progress = [&](double done) {
            if (done > 0.0)
                source.request_stop();
        };
        KernelProfile profile;
        const KernelSpec first{KernelKind::Launch};
        const KernelSpec second{KernelKind::Attention, "softmax", 16, 16, 1};
        const auto measured = measureMissing({first, second}, profile, context);
        QCOMPARE(measured.error().code, Errc::Cancelled);
        QVERIFY(profile.has(first) && !profile.has(second));
    }

    void theCacheGivesBackWhatWasMeasured()
    {
        const QTemporaryDir folder;
        const auto path = std::filesystem::path(folder.path().toStdString()) / "deep" / "kernels.json";
        const auto profile = someProfile();
        QVERIFY(loadKernelProfile(path, "a machine").kernels.empty());
        QVERIFY(saveKernelProfile(profile, path).ok());
        QVERIFY(same(loadKernelProfile(path, "a machine"), profile));
        const auto other = loadKernelProfile(path, "another machine");
        QVERIFY(other.kernels.empty() && other.machine == "another machine");
        QVERIFY(!saveKernelProfile(profile, "/proc/no/such/folder/kernels.json").ok());
    }

    void aDamagedCacheIsMeasuredAgain_data()
    {
        QTest::addColumn<QByteArray>("text");
        const QByteArray good = QByteArray::fromStdString(writeKernelProfile(someProfile()));
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("cut") << good.left(good.size() / 2);
        QTest::newRow("a list") << QByteArray("[1]");
        QTest::newRow("format") << QByteArray(good).replace("\"format\": 1", "\"format\": 2");
        QTest::newRow("threads") << QByteArray(good).replace("\"threads\": 3", "\"threads\": \"many\"");
        QTest::newRow("kernels") << QByteArray(R"({"format": 1, "machine": "a machine", "date": "", "threads": 1, "kernels": [1, 2]})");
        for (const char* rows :
             {"3", "[3]", "[[1, 2, 3]]", "[[1, -1, 2, 3]]", "[[1, 3, 2, 1]]", "[[2, 1, 1, 1], [1, 1, 1, 1]]", "[[1, null, 2, 3]]"})
            QTest::newRow(rows) << QByteArray(
                                       R"({"format": 1, "machine": "a machine", "date": "", "threads": 1, "kernels": {"product": )") +
                                       rows + "}}";
    }

    void aDamagedCacheIsMeasuredAgain()
    {
        QFETCH(QByteArray, text);
        const auto profile = readKernelProfile(text.toStdString(), "a machine");
        QVERIFY(profile.kernels.empty() && profile.machine == "a machine");
    }

    void thisMachineIsACard()
    {
        const QTemporaryDir folder;
        qputenv("XDG_CACHE_HOME", folder.path().toUtf8());
        RunContext context;
        context.threads = 1;
        const auto card = measuredCard({}, false, context);
        qunsetenv("XDG_CACHE_HOME");
        QVERIFY(card.ok());
        QVERIFY(card->kernels && card->flopPerSecond.at("bf16") > 1e6 && card->bytesPerSecond > 1e6 && card->memoryBytes > 1e6);
        QCOMPARE(card->label(false), std::string("estimated"));
        QCOMPARE(card->label(true), std::string("extrapolated"));
        QVERIFY(card->reference.find("float32") != std::string::npos);
    }
};

static const attnscope::tests::RegisterTest<TestMeasureKernels> registered("test_measure_kernels");

#include "test_measure_kernels.moc"
