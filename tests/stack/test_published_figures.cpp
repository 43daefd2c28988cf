// SPDX-License-Identifier: GPL-3.0-or-later
// Published figures: readable, complete, tied to architectures that exist; decoding steps derived from them; damage is told.
#include "core/stack/published_figures.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <set>

using namespace attnscope;

namespace {

const PublishedMark* markOf(const std::vector<PublishedMark>& marks, const std::string& architecture, double n)
{
    for (const auto& mark : marks)
        if (mark.architecture == architecture && mark.n == n)
            return &mark;
    return nullptr;
}

} // namespace

class TestPublishedFigures : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyStudyIsWhole()
    {
        const auto studies = publishedStudies();
        QVERIFY2(studies.ok(), studies.ok() ? "" : studies.error().what.c_str());
        std::set<std::string> ids;
        for (const auto& study : *studies) {
            QVERIFY2(ids.insert(study.id).second, study.id.c_str());
            QVERIFY2(study.differs.ends_with('.') && study.differs.size() > 20, study.id.c_str());
            const std::set<std::string> words{"read", "secondary", "memory"};
            QVERIFY2(words.contains(study.certainty.substr(0, study.certainty.find(';'))), study.id.c_str());
            for (const auto& series : study.series)
                QVERIFY2(series.architecture.empty() ||
                             std::filesystem::exists(attnscope::tests::architectureFolder() / (series.architecture + ".json")),
                         series.architecture.c_str());
        }
        for (const auto& study : *studies)
            QVERIFY(study.prefillStudy.empty() || ids.contains(study.prefillStudy));
        QVERIFY(studies->size() >= 14);
    }

    void marksAreInMilliseconds()
    {
        const auto studies = *publishedStudies();
        const auto prefill = publishedMarks(studies, "prefill");
        const auto* llama = markOf(prefill, "llama-3.2-1b", 16384);
        QVERIFY(llama && !llama->derived);
        QCOMPARE(llama->ms, 12170.0);
        QCOMPARE(llama->batch, 128.0);
        QVERIFY(llama->note.find("H100") != std::string::npos && llama->differs.find("vLLM") != std::string::npos);
        const auto decode = publishedMarks(studies, "decode");
        const auto* step = markOf(decode, "llama-3.2-1b", 16384);
        QVERIFY(step && step->derived);
        QVERIFY(std::abs(step->ms - 58.86) < 0.01);
        QVERIFY(std::abs(markOf(decode, "mamba3-1.5b-shape", 512)->ms - 7.58) < 0.01);
        QVERIFY(std::abs(markOf(decode, "mamba3-1.5b-shape", 16384)->ms - 7.59) < 0.01);
        QVERIFY(std::abs(markOf(decode, "qwen2.5-1.5b", 32768)->ms - 1e3 / 10.6) < 1e-9);
        QVERIFY(publishedMarks(studies, "taste").empty());
    }

    void sentencesSayWhatDiffers()
    {
        const auto studies = *publishedStudies();
        const auto sentences = publishedSentences(studies, "qwen3-next-80b-a3b");
        QCOMPARE(sentences.size(), std::size_t{1});
        QVERIFY(sentences[0].find("10 at 32,768 (times as fast, at least;") != std::string::npos);
        QVERIFY(sentences[0].ends_with("most of it is the mixture, not the mixer."));
        QCOMPARE(publishedSentences(studies, "jamba-v0.1").size(), std::size_t{2});
        QVERIFY(publishedSentences(studies, "gpt2").empty() && publishedSentences(studies, "").empty());
    }

    void theHeadlineOfTheTable() // prefills faster, decodes about seven times slower
    {
        const auto studies = *publishedStudies();
        const auto prefill = publishedMarks(studies, "prefill");
        const auto decode = publishedMarks(studies, "decode");
        for (const char* other : {"mamba2-1.5b-shape", "mamba3-1.5b-shape", "gated-deltanet-1.5b-shape"}) {
            QVERIFY(markOf(prefill, "llama-3.2-1b", 16384)->ms < markOf(prefill, other, 16384)->ms);
            QVERIFY(markOf(decode, "llama-3.2-1b", 16384)->ms > 7.0 * markOf(decode, other, 16384)->ms);
        }
    }

    void damageIsTold_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("names");
        QTest::newRow("no JSON") << QByteArray("{") << "studies";
        QTest::newRow("no list") << QByteArray(R"({"studies": 3})") << "studies";
        QTest::newRow("number") << QByteArray(R"({"studies": [3]})") << "id";
        const QByteArray head = R"({"studies": [{"id": "a", "title": "t", "quantity": "prefill", "unit": "s", "hardware": "h",
            "conditions": "c", "source": "s", "certainty": "read", "differs": "d")";
        QTest::newRow("no series") << head + "}]}"
                                   << "series";
        QTest::newRow("series") << head + R"(, "series": [1]}]})"
                                << "name";
        QTest::newRow("no points") << head + R"(, "series": [{"name": "x", "points": 1}]}]})"
                                   << "points";
        QTest::newRow("point") << head + R"(, "series": [{"name": "x", "points": [[1, "two"]]}]}]})"
                               << "points";
        QTest::newRow("batch") << head + R"(, "batch": -1, "series": [{"name": "x", "points": [[1, 2]]}]}]})"
                               << "batch";
    }

    void damageIsTold()
    {
        QFETCH(QByteArray, text);
        QFETCH(QString, names);
        const auto parsed = parsePublishedStudies(text.toStdString(), "figures.json");
        QVERIFY(!parsed.ok());
        QVERIFY2(parsed.error().what.find(names.toStdString()) != std::string::npos, parsed.error().what.c_str());
    }
};

static const attnscope::tests::RegisterTest<TestPublishedFigures> registered("test_published_figures");

#include "test_published_figures.moc"
