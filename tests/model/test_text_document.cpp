// SPDX-License-Identifier: GPL-3.0-or-later
// A text becomes a document: tokens, names, captured layers, and sentences where something is wrong.
#include "core/model/text_document.h"
#include "core/model/transformer.h"
#include "model/model_reference.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTemporaryDir>
#include <QTest>

#include <fstream>

using namespace attnscope;
namespace fs = std::filesystem;

namespace {

const std::string Text = "The whale swam, and the whale sang; the sea was calm.";

fs::path golden(const char* model) { return fs::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/model" / model; }

double largestDifference(const Tensor& ours, const std::vector<float>& theirs)
{
    if (ours.values().size() != theirs.size())
        return 1e9;
    double worst = 0.0;
    for (std::size_t i = 0; i < theirs.size(); ++i)
        worst = std::max<double>(worst, std::abs(ours.values()[i] - theirs[i]));
    return worst;
}

} // namespace

class TestTextDocument : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void tellsWhatItIs()
    {
        const auto document = openText(Text, "/texts/whale.txt", golden("llama"), {});
        QVERIFY2(document.ok(), document.ok() ? "" : document.error().what.c_str());
        const auto& info = (*document)->info();
        QCOMPARE(info.title, std::string("whale.txt"));
        QCOMPARE(info.detail, std::string("Llama, 2 layers x 4 heads (2 KV heads), 15 tokens"));
        QCOMPARE(info.layerNames, (std::vector<std::string>{"layer 0", "layer 1"}));
        QCOMPARE(info.length, Index{15});
        QCOMPARE(info.tokens.size(), std::size_t{15});
        QVERIFY(info.tokens[2].find("whale") != std::string::npos);
        QVERIFY(info.causal);
        const auto typed = openText("  One  two\nthree four five six seven eight nine ten eleven twelve", {}, golden("llama"), {});
        QVERIFY(typed.ok());
        QVERIFY((*typed)->info().title.starts_with("One two three"));
        QVERIFY((*typed)->info().title.ends_with("…"));
    }

    void equalsTheReferenceFromTextOn_data()
    {
        QTest::addColumn<QString>("model");
        QTest::newRow("llama, with <s>") << "llama";
        QTest::newRow("bert, with [CLS] and [SEP]") << "bert";
    }

    void equalsTheReferenceFromTextOn()
    {
        QFETCH(QString, model);
        const auto folder = golden(model.toUtf8().constData());
        const auto reference = tests::ModelReference::open(folder / "expected.safetensors");
        QVERIFY(reference.ok());
        const auto document = openText(Text, {}, folder, {});
        QVERIFY2(document.ok(), document.ok() ? "" : document.error().what.c_str());
        QCOMPARE((*document)->info().causal, model != "bert");
        for (const Index index : {0, 1}) {
            const auto layer = (*document)->layer(index, {});
            QVERIFY(layer.ok());
            std::string suffix(1, '.');
            suffix += std::to_string(index);
            QVERIFY(largestDifference((*layer)->q, reference->tensor("q" + suffix)) < 1e-4);
            QVERIFY(largestDifference((*layer)->k, reference->tensor("k" + suffix)) < 1e-4);
            QVERIFY(largestDifference((*layer)->v, reference->tensor("v" + suffix)) < 1e-4);
        }
    }

    void layersComeOneByOneWhereTheyDoNotFitTogether()
    {
        const auto model = Transformer::load(golden("llama"));
        QVERIFY(model.ok());
        RunContext tight;
        tight.memoryBudget = static_cast<std::uint64_t>(model->forwardBytes(15, {std::vector<Index>{1}})) + 64;
        QVERIFY(static_cast<double>(tight.memoryBudget) < model->forwardBytes(15, {}));
        const auto whole = openText(Text, {}, golden("llama"), {});
        const auto pieces = openText(Text, {}, golden("llama"), tight);
        QVERIFY(whole.ok() && pieces.ok());
        for (const Index index : {1, 0, 1}) {
            const auto a = (*whole)->layer(index, {});
            const auto b = (*pieces)->layer(index, tight);
            QVERIFY(a.ok() && b.ok());
            QVERIFY(std::ranges::equal((*a)->k.values(), (*b)->k.values()));
        }
        tight.memoryBudget = 1000;
        const auto refused = openText(Text, {}, golden("llama"), tight);
        QVERIFY(!refused.ok());
        QCOMPARE(refused.error().code, Errc::OutOfMemory);
    }

    void refusesLayersThatAreNotThere()
    {
        const auto document = openText(Text, {}, golden("llama"), {});
        QVERIFY(document.ok());
        for (const Index index : {-1, 2}) {
            const auto layer = (*document)->layer(index, {});
            QVERIFY(!layer.ok());
            QCOMPARE(layer.error().code, Errc::InvalidParam);
        }
    }

    void refusesTextsItCannotUse()
    {
        const auto empty = openText("", {}, golden("llama"), {});
        QVERIFY(!empty.ok());
        QCOMPARE(empty.error().code, Errc::InvalidParam);
        QVERIFY(!openText("abc\xff\xfe", {}, golden("llama"), {}).ok());
        std::string tooLong;
        while (tooLong.size() < 2000)
            tooLong += "whale ";
        const auto refused = openText(tooLong, {}, golden("bert"), {});
        QVERIFY(!refused.ok());
        QCOMPARE(refused.error().code, Errc::Unsupported);
        const auto longer = openText(tooLong, {}, golden("llama"), {});
        QVERIFY(longer.ok());
        QVERIFY((*longer)->info().detail.find("longer than the 64 tokens") != std::string::npos);
    }

    void refusesFoldersItCannotUse()
    {
        QCOMPARE(openText(Text, {}, "/no/such/folder", {}).error().code, Errc::Io);
        QCOMPARE(openText(Text, {}, golden("bert") / "config.json", {}).error().code, Errc::Io);
        const auto noTokenizer = openText(Text, {}, golden("smollm2"), {});
        QVERIFY(!noTokenizer.ok());
        QVERIFY(noTokenizer.error().what.find("tokenizer.json") != std::string::npos);
    }

    void refusesATokenizerOfAnotherModel()
    {
        QTemporaryDir root;
        const auto folder = fs::path(root.path().toStdString()) / "model";
        fs::copy(golden("llama"), folder);
        std::ofstream(folder / "tokenizer.json") << R"({"version": "1.0", "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "unk_token": "whale", "vocab": {"whale": 5000}}})";
        const auto refused = openText("whale", {}, folder, {});
        QVERIFY(!refused.ok());
        QVERIFY2(refused.error().what.find("5000") != std::string::npos, refused.error().what.c_str());
        QVERIFY(!refused.error().hint.empty());
    }

    void refusesWeightsThatAreNotFinite()
    {
        QTemporaryDir root;
        const auto folder = fs::path(root.path().toStdString()) / "model";
        fs::copy(golden("llama"), folder);
        const auto shard = folder / "model-00002-of-00003.safetensors"; // ends with layers.1.self_attn.v_proj.weight
        std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
        const float nan = std::numeric_limits<float>::quiet_NaN();
        file.seekp(static_cast<std::streamoff>(fs::file_size(shard)) - 4);
        file.write(reinterpret_cast<const char*>(&nan), 4);
        file.close();
        const auto refused = openText(Text, {}, folder, {});
        QVERIFY(!refused.ok());
        QVERIFY2(refused.error().what.find("not finite") != std::string::npos, refused.error().what.c_str());
    }

    void stopsWhenAsked()
    {
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto document = openText(Text, {}, golden("llama"), context);
        QVERIFY(!document.ok());
        QCOMPARE(document.error().code, Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestTextDocument> registered("test_text_document");

#include "test_text_document.moc"
