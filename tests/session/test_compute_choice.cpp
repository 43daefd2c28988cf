// SPDX-License-Identifier: GPL-3.0-or-later
// Which backend a session's choice means here, and that results say where they were computed and why not elsewhere.
#include "core/method/registry.h"
#include "core/session/compute_choice.h"
#include "core/session/evaluation.h"
#include "support/fake_card.h"
#include "support/heard_notices.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>

using namespace attnscope;

class TestComputeChoice : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void choosesTheNearest_data()
    {
        QTest::addColumn<QString>("asked");
        QTest::addColumn<QString>("dtype");
        QTest::addColumn<QString>("place");
        QTest::addColumn<QString>("note");
        QTest::newRow("cpu") << "cpu"
                             << "f32"
                             << "f32 · cpu"
                             << "";
        QTest::newRow("card") << "cuda:1"
                              << "f16"
                              << "f16 · cuda:1"
                              << "";
        QTest::newRow("no such card") << "cuda:7"
                                      << "f16"
                                      << "f32 · cpu"
                                      << "no cuda:7";
        QTest::newRow("no such format") << "cuda:0"
                                        << "bf16"
                                        << "f32 · cuda:0"
                                        << "no bf16";
        QTest::newRow("a format of cards") << "cpu"
                                           << "f16"
                                           << "f32 · cpu"
                                           << "not in f16";
    }

    void choosesTheNearest()
    {
        QFETCH(QString, asked);
        QFETCH(QString, dtype);
        QFETCH(QString, place);
        QFETCH(QString, note);
        const tests::FakeCard first(0);
        const tests::FakeCard second(1);
        const auto chosen = chooseBackend({&cpuBackend(), &first, &second}, {asked.toStdString(), *parseDtype(dtype.toStdString())});
        QCOMPARE(QString::fromStdString(placeOf(*chosen.backend).text()), place);
        QCOMPARE(chosen.note.empty(), note.isEmpty());
        QVERIFY2(QString::fromStdString(chosen.note).contains(note), chosen.note.c_str());
    }

    void resultsSayWhereTheyAreFrom()
    {
        const tests::FakeCard card;
        const auto half = *card.in(Dtype::F16);
        const auto data = tests::randomInputs({1, 1, 40, 40, 8, 8}, 1);
        const auto inputs = data.inputs();
        const auto exact = evaluateExact(*half, inputs, {});
        QVERIFY(exact.ok());
        QVERIFY((exact->mapPlace == Place{"cuda:0", Dtype::F16}) && exact->outputPlace == exact->mapPlace && exact->notes.empty());
        const auto onCpu = findMethod("softmax")->run(inputs, {}, {});
        QVERIFY(!std::equal(onCpu->values().begin(), onCpu->values().end(), exact->output->values().begin())); // the card's own output
        const auto linear = compare(*half, *exact, "linear-elu", inputs);
        QVERIFY((linear.approximation.outputPlace == Place{"cuda:0", Dtype::F16}));
        QVERIFY(half->computes(*linear.approximation.map));
        QCOMPARE(card.mood->runs.load(), 2);
    }

    void whatACardLacksRunsOnTheCpuAndSaysSo()
    {
        const tests::FakeCard card;
        const tests::HeardNotices heard;
        const auto data = tests::randomInputs({1, 1, 40, 40, 8, 8}, 2);
        const auto inputs = data.inputs();
        const auto exact = evaluateExact(card, inputs, {});
        const auto result = compare(card, *exact, "linformer", inputs);
        QVERIFY(result.approximation.outputPlace == Place{} && result.approximation.mapPlace == Place{});
        QCOMPARE(result.approximation.notes.size(), std::size_t{1});
        QVERIFY(result.approximation.notes.front().find("no CUDA kernel") != std::string::npos);
        QVERIFY(heard.contain("no CUDA kernel"));
        QVERIFY(result.exact.notes.empty());
    }

    void formatsOfTheCpuFallBackToFloat32()
    {
        const auto inFormat = cpuBackend().in(Dtype::BF16);
        if (!inFormat)
            QSKIP("This processor has no bfloat16 unit.");
        const tests::HeardNotices heard;
        const auto data = tests::randomInputs({1, 1, 40, 40, 8, 8}, 5);
        const auto inputs = data.inputs();
        const auto exact = evaluateExact(**inFormat, inputs, {});
        QVERIFY(exact.ok());
        QVERIFY((exact->outputPlace == Place{"cpu", Dtype::BF16}) && exact->mapPlace == Place{});
        const auto result = compare(**inFormat, *exact, "linear-elu", inputs);
        QVERIFY(result.approximation.output && result.approximation.outputPlace == Place{});
        QVERIFY(heard.contain("It runs in float32."));
    }

    void troubleOnTheCardIsKeptWithTheResult()
    {
        const tests::FakeCard card;
        const tests::HeardNotices heard;
        const auto data = tests::randomInputs({1, 1, 40, 40, 8, 8}, 3);
        const auto inputs = data.inputs();
        card.mood->memoryEnds = true;
        const auto exact = evaluateExact(card, inputs, {});
        QVERIFY(exact.ok() && exact->mapPlace == Place{});
        QCOMPARE(exact->notes.size(), std::size_t{1});
        card.mood->lost = true;
        const auto after = evaluateExact(card, inputs, {});
        QVERIFY(after.ok() && after->outputPlace == Place{} && after->mapPlace == Place{});
        QVERIFY(heard.contain("failed earlier"));
    }

    void otherErrorsAreHandedBack()
    {
        const tests::FakeCard card;
        card.mood->slowMs = 100000;
        const auto data = tests::randomInputs({1, 1, 8, 8, 8, 8}, 4);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto result = evaluate(card, *findMethod("softmax"), data.inputs(), {}, context);
        QVERIFY(!result.ok());
        QVERIFY(result.error().code == Errc::Cancelled);
    }

    void collectorsHearTheirOwnThreadAlone()
    {
        const NoticeCollector outer;
        {
            const NoticeCollector inner;
            giveNotice("one");
            std::thread([] { giveNotice("elsewhere"); }).join();
            QCOMPARE(inner.sentences().size(), std::size_t{1});
        }
        giveNotice("two");
        QCOMPARE(outer.sentences().size(), std::size_t{2});
    }

private:
    static Comparison compare(const Backend& backend, const HeadResult& exact, const char* id, const Inputs& inputs)
    {
        const auto& method = *findMethod(id);
        auto result = compareWith(backend, exact, method, inputs, defaultParams(method.info().params), {});
        return result ? *std::move(result) : Comparison{};
    }
};

static const attnscope::tests::RegisterTest<TestComputeChoice> registered("test_compute_choice");

#include "test_compute_choice.moc"
