// SPDX-License-Identifier: GPL-3.0-or-later
// The forward pass of small random models of each family against PyTorch transformers (tests/golden/model/make_golden.py).
#include "model/model_reference.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTemporaryDir>
#include <QTest>

using namespace attnscope;

namespace {

constexpr double Tolerance = 1e-4;

std::filesystem::path golden(const QString& model)
{
    return std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/model" / model.toStdString();
}

const std::vector<std::int32_t> Ids{5, 17, 3, 99, 0, 42, 42, 8, 61, 33, 2, 77};

} // namespace

class TestTransformer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsTransformers_data()
    {
        QTest::addColumn<QString>("model");
        for (const char* model :
             {"gpt2", "llama", "smollm2", "mistral", "qwen2", "qwen3", "bert", "rope_linear", "rope_dynamic", "rope_yarn"})
            QTest::newRow(model) << model;
    }

    void equalsTransformers()
    {
        QFETCH(QString, model);
        const auto reference = tests::ModelReference::open(golden(model) / "expected.safetensors");
        QVERIFY(reference.ok());
        const auto worst = compareWithReference(golden(model), *reference);
        QVERIFY2(worst.ok(), worst.ok() ? "" : worst.error().what.c_str());
        for (const char* kind : {"hidden", "last", "q", "k", "v", "scale", "attention"})
            QVERIFY2(worst->contains(kind), kind);
        for (const auto& [kind, difference] : *worst)
            QVERIFY2(difference.absolute <= Tolerance, qPrintable(QStringLiteral("%1 %2").arg(kind.c_str()).arg(difference.absolute)));
    }

    void windowsAreShorterThanTheText()
    {
        const auto mistral = Transformer::load(golden("mistral"));
        QVERIFY(mistral.ok());
        QCOMPARE(mistral->config().windows, (std::vector<Index>{7, 7}));
        QVERIFY(mistral->notice(24).find("7 tokens") != std::string::npos);
        const auto qwen2 = Transformer::load(golden("qwen2"));
        QVERIFY(qwen2.ok());
        QCOMPARE(qwen2->config().windows, (std::vector<Index>{0, 5, 5}));
    }

    void capturedLayersAreThoseAskedFor()
    {
        const auto model = Transformer::load(golden("smollm2"));
        QVERIFY(model.ok());
        const auto all = model->forward(Ids, {}, {});
        const auto one = model->forward(Ids, {std::vector<Index>{1}}, {});
        QVERIFY(all.ok() && one.ok());
        QVERIFY(!one->layers[0] && one->layers[1] && !one->layers[2]);
        QVERIFY(one->hidden.empty() && one->logits.empty());
        QVERIFY(std::ranges::equal(one->layers[1]->q.values(), all->layers[1]->q.values()));
        QVERIFY(std::ranges::equal(one->layers[1]->v.values(), all->layers[1]->v.values()));
    }

    void oneHeadIsTheSameAsInItsLayer()
    {
        for (const char* name : {"gpt2", "qwen2", "qwen3", "bert"}) {
            const auto model = Transformer::load(golden(name));
            QVERIFY(model.ok());
            const auto whole = model->forward(Ids, {}, {});
            QVERIFY(whole.ok());
            const auto& config = model->config();
            for (Index head = 0; head < config.heads; ++head) {
                ForwardOptions options{std::vector<Index>{1}};
                options.captureHead = head;
                const auto one = model->forward(Ids, options, {});
                QVERIFY(one.ok());
                const auto& alone = one->layers[1];
                QCOMPARE(alone->q.heads(), Index{1});
                QVERIFY(alone->contains({0, head}) && !alone->contains({0, head + 1}));
                const Inputs expected = inputsOf(whole->layers[1], {0, head});
                const Inputs got = inputsOf(alone, {0, head});
                QCOMPARE(got.firstHead, head);
                QCOMPARE(got.layerHeads, config.heads);
                for (Index i = 0; i < static_cast<Index>(Ids.size()); ++i) {
                    QVERIFY(std::ranges::equal(got.q.matrix({}).rowSpan(i), expected.q.matrix({}).rowSpan(i)));
                    QVERIFY(std::ranges::equal(got.k.matrix({}).rowSpan(i), expected.k.matrix({}).rowSpan(i)));
                    QVERIFY(std::ranges::equal(got.v.matrix({}).rowSpan(i), expected.v.matrix({}).rowSpan(i)));
                }
            }
        }
    }

    void goesOnFromAKeptStream()
    {
        const auto model = Transformer::load(golden("qwen2"));
        QVERIFY(model.ok());
        const auto whole = model->forward(Ids, {}, {});
        ForwardOptions first{std::vector<Index>{1}};
        first.keepStream = true;
        const auto stopped = model->forward(Ids, first, {});
        QVERIFY(whole.ok() && stopped.ok() && stopped->stream);
        QCOMPARE(stopped->stream->layer, Index{1});
        ForwardOptions further{std::vector<Index>{2}};
        further.resume = stopped->stream;
        const auto resumed = model->forward(Ids, further, {});
        QVERIFY(resumed.ok());
        QVERIFY(std::ranges::equal(resumed->layers[2]->q.values(), whole->layers[2]->q.values()));
        QVERIFY(std::ranges::equal(resumed->layers[2]->v.values(), whole->layers[2]->v.values()));
        QVERIFY(model->forwardFlops(12, further) < model->forwardFlops(12, {std::vector<Index>{2}}));
        further.captureLayers = std::vector<Index>{0};
        QCOMPARE(model->forward(Ids, further, {}).error().code, Errc::InvalidParam);
        further.captureLayers = std::vector<Index>{2};
        QCOMPARE(model->forward(std::span(Ids).first(5), further, {}).error().code, Errc::InvalidParam);
        first.captureHead = 99;
        QCOMPARE(model->forward(Ids, first, {}).error().code, Errc::InvalidParam);
    }

    void oneHeadTakesLessMemoryThanItsLayer()
    {
        const auto model = Transformer::load(golden("llama"));
        QVERIFY(model.ok());
        ForwardOptions one{std::vector<Index>{1}};
        const double layer = model->forwardBytes(100000, one);
        one.captureHead = 0;
        const double head = model->forwardBytes(100000, one);
        QVERIFY(head < layer && layer < model->forwardBytes(100000, {}));
        QVERIFY(model->forwardFlops(2000, one) > 3.0 * model->forwardFlops(1000, one));
    }

    void threadsDoNotChangeTheResult()
    {
        const auto model = Transformer::load(golden("qwen3"));
        QVERIFY(model.ok());
        RunContext single;
        single.threads = 1;
        RunContext several;
        several.threads = 4;
        const auto a = model->forward(Ids, {{}, false, true}, single);
        const auto b = model->forward(Ids, {{}, false, true}, several);
        QVERIFY(a.ok() && b.ok());
        QVERIFY(std::ranges::equal(a->logits.values(), b->logits.values()));
    }

    void aTextOfOneTokenRuns()
    {
        for (const char* name : {"gpt2", "mistral", "bert"}) {
            const auto model = Transformer::load(golden(name));
            QVERIFY(model.ok());
            const auto result = model->forward(std::vector<std::int32_t>{7}, {{}, true, false}, {});
            QVERIFY(result.ok());
            QCOMPARE(result->last.rows(), Index{1});
            QVERIFY(std::isfinite(result->last.data()[0]));
        }
    }

    void chunksOfRowsJoinSeamlessly()
    {
        const auto model = Transformer::load(golden("smollm2"));
        QVERIFY(model.ok());
        std::vector<std::int32_t> ids(1100);
        for (std::size_t i = 0; i < ids.size(); ++i)
            ids[i] = static_cast<std::int32_t>(i * 7 % 100);
        const auto whole = model->forward(ids, {{}, true, false}, {});
        const auto part = model->forward(std::span(ids).first(700), {{}, true, false}, {});
        QVERIFY(whole.ok() && part.ok());
        double worst = 0.0;
        for (Index i = 0; i < part->last.size(); ++i)
            worst = std::max<double>(worst, std::abs(part->last.data()[i] - whole->last.data()[i]));
        QVERIFY2(worst < Tolerance, qPrintable(QString::number(worst)));
    }

    void progressGrowsToOne()
    {
        const auto model = Transformer::load(golden("smollm2"));
        QVERIFY(model.ok());
        std::vector<double> seen;
        RunContext context;
        context.threads = 1;
        context.progress = [&](double fraction) { seen.push_back(fraction); };
        QVERIFY(model->forward(Ids, {}, context).ok());
        QVERIFY(std::ranges::is_sorted(seen));
        QCOMPARE(seen.back(), 1.0);
    }

    void stopsWhenAsked()
    {
        const auto model = Transformer::load(golden("smollm2"));
        QVERIFY(model.ok());
        std::stop_source stop;
        RunContext context;
        context.stop = stop.get_token();
        context.progress = [&](double fraction) {
            if (fraction > 0.3)
                stop.request_stop();
        };
        const auto result = model->forward(Ids, {}, context);
        QVERIFY(!result.ok());
        QCOMPARE(result.error().code, Errc::Cancelled);
    }

    void weightsCutShortMeanwhileAreAnError()
    {
        const QTemporaryDir folder;
        const std::filesystem::path copy = folder.path().toStdString();
        for (const char* name : {"config.json", "model.safetensors"})
            std::filesystem::copy_file(golden("smollm2") / name, copy / name);
        const auto model = Transformer::load(copy);
        QVERIFY(model.ok());
        QVERIFY(model->forward(Ids, {}, {}).ok());
        std::filesystem::resize_file(copy / "model.safetensors", 1000);
        const auto result = model->forward(Ids, {}, {});
        QVERIFY(!result.ok());
        QCOMPARE(result.error().code, Errc::Io);
        QVERIFY(result.error().what.find("cut short") != std::string::npos);
    }

    void refusesWhatDoesNotFit()
    {
        const auto model = Transformer::load(golden("smollm2"));
        QVERIFY(model.ok());
        const double all = model->forwardBytes(12, {});
        const double one = model->forwardBytes(12, {std::vector<Index>{0}});
        QVERIFY(one < all);
        RunContext context;
        context.memoryBudget = static_cast<std::uint64_t>((one + all) / 2.0);
        const auto refused = model->forward(Ids, {}, context);
        QVERIFY(!refused.ok());
        QCOMPARE(refused.error().code, Errc::OutOfMemory);
        QVERIFY(!refused.error().hint.empty());
        QVERIFY(model->forward(Ids, {std::vector<Index>{0}}, context).ok());
    }

    void refusesWhatTheModelCannotRead()
    {
        const auto model = Transformer::load(golden("gpt2"));
        QVERIFY(model.ok());
        const auto tooLong = model->forward(std::vector<std::int32_t>(41, 1), {}, {});
        QVERIFY(!tooLong.ok());
        QCOMPARE(tooLong.error().code, Errc::Unsupported);
        QVERIFY(tooLong.error().what.find("40") != std::string::npos);
        for (const std::int32_t id : {-1, 100}) {
            const auto outside = model->forward(std::vector<std::int32_t>{1, id}, {}, {});
            QVERIFY(!outside.ok());
            QCOMPARE(outside.error().code, Errc::InvalidParam);
        }
        QVERIFY(!model->forward({}, {}, {}).ok());
        QVERIFY(!model->forward(Ids, {std::vector<Index>{2}}, {}).ok());
        const auto bert = Transformer::load(golden("bert"));
        QVERIFY(bert.ok());
        QVERIFY(!bert->forward(Ids, {{}, false, true}, {}).ok());
    }
};

static const attnscope::tests::RegisterTest<TestTransformer> registered("test_transformer");

#include "test_transformer.moc"
