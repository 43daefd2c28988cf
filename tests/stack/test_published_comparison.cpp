// SPDX-License-Identifier: GPL-3.0-or-later
// The calibration: three constants predict ten published times of a Transformer, one more those of recurrent models; the help's example.
#include "core/stack/published_comparison.h"
#include "core/stack/stack_help.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

using namespace attnscope;
using attnscope::tests::architectureOf;

namespace {

double off(const ComparedRun& run) { return run.predictedMs / run.publishedMs - 1.0; }

} // namespace

class TestPublishedComparison : public QObject {
    Q_OBJECT

private:
    std::vector<ComparedRun> m_runs;

    const ComparedRun& run(const std::string& architecture, const std::string& quantity, double n) const
    {
        for (const auto& each : m_runs)
            if (each.architecture == architecture && each.quantity == quantity && each.n == n)
                return each;
        qFatal("no run of %s", architecture.c_str());
    }

private Q_SLOTS:
    void initTestCase()
    {
        const auto studies = publishedStudies();
        const auto card = findCard("h100-calibrated");
        QVERIFY(studies.ok() && card.ok());
        auto runs = comparePrefillAndDecode(*studies, *card);
        QVERIFY(runs.ok());
        m_runs = *std::move(runs);
        QCOMPARE(m_runs.size(), std::size_t{2 * 4 * 5});
    }

    void threeConstantsPredictATransformer()
    {
        QVERIFY(std::abs(parametersOf(architectureOf("llama-3.2-1b")).active - 0.973e9) < 0.001e9);
        for (const double n : {512.0, 1024.0, 2048.0, 4096.0, 16384.0}) {
            const auto& prefill = run("llama-3.2-1b", "prefill", n);
            const auto& decode = run("llama-3.2-1b", "decode", n);
            QVERIFY2(std::abs(off(prefill)) < 0.07, qPrintable(QString::number(off(prefill))));
            QVERIFY2(std::abs(off(decode)) < 0.12, qPrintable(QString::number(off(decode))));
            QCOMPARE(decode.fits, n < 16384); // the published run must have gone in waves
            QVERIFY(prefill.lowMs < prefill.publishedMs && prefill.publishedMs < prefill.highMs);
        }
    }

    void oneMorePredictsRecurrentModels()
    {
        for (const char* id : {"mamba2-1.5b-shape", "mamba3-1.5b-shape", "gated-deltanet-1.5b-shape"})
            for (const double n : {512.0, 1024.0, 2048.0, 4096.0, 16384.0}) {
                QVERIFY2(std::abs(off(run(id, "prefill", n))) < 0.07, qPrintable(QString::number(off(run(id, "prefill", n)))));
                QVERIFY2(std::abs(off(run(id, "decode", n))) < 0.2, qPrintable(QString::number(off(run(id, "decode", n)))));
                QCOMPARE(run(id, "decode", n).predictedMs, run(id, "decode", 512).predictedMs); // flat, as published
            }
    }

    void readsFasterAndWritesSlower() // as published: 12.17 against 16.2 s, and about seven times
    {
        for (const char* other : {"mamba2-1.5b-shape", "mamba3-1.5b-shape", "gated-deltanet-1.5b-shape"}) {
            QVERIFY(run("llama-3.2-1b", "prefill", 16384).predictedMs < 0.8 * run(other, "prefill", 16384).predictedMs);
            QVERIFY(run("llama-3.2-1b", "decode", 16384).predictedMs > 6.0 * run(other, "decode", 16384).predictedMs);
        }
    }

    void theHelpWorksThroughIt()
    {
        const auto help = stackHelp();
        QVERIFY(help.find("Worked example") != std::string::npos && help.find("973 million") != std::string::npos);
        QCOMPARE(QString::fromStdString(help).count(QStringLiteral("16,384")), 3); // two tables and the sentence after them
        for (const auto& line : QString::fromStdString(help).split(QLatin1Char('\n')))
            QVERIFY2(line.size() < 105, qPrintable(line));
    }
};

static const attnscope::tests::RegisterTest<TestPublishedComparison> registered("test_published_comparison");

#include "test_published_comparison.moc"
