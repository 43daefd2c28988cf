// SPDX-License-Identifier: GPL-3.0-or-later
// The designer: edits recompute memory and curves, shared weights stay together, and what is written is read back the same.
#include "core/stack/stack_curve.h"
#include "core/stack/stack_design.h"
#include "core/stack/stack_file.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <QTemporaryDir>

using namespace attnscope;
using attnscope::tests::architectureFolder;
using attnscope::tests::architectureOf;
using Json = nlohmann::ordered_json;

namespace {

bool refuses(const Result<Architecture>& edited, const char* words)
{
    return !edited.ok() && edited.error().what.find(words) != std::string::npos && edited.error().what.ends_with('.') &&
           !edited.error().hint.empty();
}

} // namespace

class TestStackDesign : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void movingKeepsWhatIsHeld()
    {
        const auto a = architectureOf("nemotron-h-8b");
        const auto moved = moveLayer(a, 7, 0);
        QVERIFY(moved.ok());
        QCOMPARE(attentionLayers(*moved), (std::vector<Index>{0, 18, 29, 40}));
        QCOMPARE(kvBytesPerToken(*moved), kvBytesPerToken(a));
        QCOMPARE(parametersOf(*moved).total, parametersOf(a).total);
        QCOMPARE(moved->decidedBy, std::string(kDesigned));
        QCOMPARE(moveLayer(*moved, 0, 7)->layers, a.layers);
        QVERIFY(refuses(moveLayer(a, 52, 0), "no layer 52") && refuses(moveLayer(a, 0, -1), "no layer -1"));
    }

    void sharedWeightsStayTogether()
    {
        const auto a = architectureOf("zamba2-1.2b"); // one block, first used by layer 5
        const auto moved = moveLayer(a, 5, 36);
        QVERIFY(moved.ok());
        QVERIFY(!moved->layers[10].sharedWith); // formerly layer 11, now the first
        QCOMPARE(moved->layers[36].sharedWith, std::optional<Index>(10));
        QCOMPARE(parametersOf(*moved).total, parametersOf(a).total);
        const auto removed = removeLayer(a, 5);
        QVERIFY(removed.ok() && !removed->layers[10].sharedWith && removed->layers[16].sharedWith == std::optional<Index>(10));
        const auto changed = setMixer(a, 5, "mamba2");
        QVERIFY(changed.ok() && !changed->layers[11].sharedWith && changed->layers[17].sharedWith == std::optional<Index>(11));
        const auto twice = duplicateLayer(a, 11);
        QVERIFY(twice.ok() && !twice->layers[12].sharedWith && parametersOf(*twice).total > parametersOf(a).total);
    }

    void everyMixerCanBeSet_data()
    {
        QTest::addColumn<QString>("mixer");
        for (const auto& mixer : designMixers())
            QTest::newRow(mixer.c_str()) << QString::fromStdString(mixer);
    }

    void everyMixerCanBeSet()
    {
        QFETCH(QString, mixer);
        const auto name = mixer.toStdString();
        const auto a = architectureOf("llama-3.1-8b");
        const auto changed = setMixer(a, 3, name);
        QVERIFY(changed.ok());
        QCOMPARE(mixerName(changed->layers[3]), name == "sliding" ? std::string("sliding(2048)") : name);
        QCOMPARE(changed->layers[3].ffn, a.layers[3].ffn);
        const bool recurrent = name != "full" && name != "sliding" && name != "none";
        QCOMPARE(stateBytes(*changed) > 0.0, recurrent);
        const double own = parametersOf(changed->layers[3], a.hidden).recurrent;
        QVERIFY(!recurrent || (own > 2.0 * 4096 * 4096 && own < 9.0 * 4096 * 4096)); // as wide as attention, more or less
        QVERIFY(pointAt(*changed, *findCard("h100"), {}, 4096).prefillMs > 0.0);
        QCOMPARE(*parseArchitecture(writeStack(*changed), "a.json", "a"), *changed);
    }

    void patternsReplaceTheMixersAlone()
    {
        const auto a = architectureOf("llama-3.1-8b");
        const auto hybrid = setPattern(a, {8, 4, "full", "mamba2"});
        QVERIFY(hybrid.ok());
        QCOMPARE(attentionLayers(*hybrid), (std::vector<Index>{4, 12, 20, 28}));
        QCOMPARE(kvBytesPerToken(*hybrid), kvBytesPerToken(a) / 8.0);
        QCOMPARE(ffnName(hybrid->layers[0]), std::string("dense(14336)"));
        const auto card = *findCard("h100");
        QVERIFY(pointAt(*hybrid, card, {}, 262144).prefillMs < pointAt(a, card, {}, 262144).prefillMs);
        QCOMPARE(attentionLayers(*setPattern(*hybrid, {0, 0, "full", "gla"})), std::vector<Index>{});
        const auto back = setPattern(*hybrid, {1, 0, "full", "mamba2"});
        QCOMPARE(back->layers, a.layers);
        const auto nemotron = setPattern(architectureOf("nemotron-h-8b"), {2, 0, "sliding", "mamba2"});
        QCOMPARE(attentionLayers(*nemotron).size(), std::size_t{14}); // of the 28 layers that mix; feed-forward ones stay
        QVERIFY(refuses(setPattern(a, {4, 4, "full", "mamba2"}), "offset") && refuses(setPattern(a, {4, 0, "full", "abacus"}), "abacus"));
    }

    void dimsRecompute()
    {
        const auto a = architectureOf("nemotron-h-8b");
        const auto dims = dimsOf(a);
        QCOMPARE(dims.hidden, Index{4096});
        QCOMPARE(dims.kvHeads, Index{8});
        QCOMPARE(dims.keyDim, Index{128});
        QCOMPARE(dims.stateHeads, Index{128});
        StackDims half;
        half.kvHeads = 4;
        half.keyDim = 64;
        const auto changed = setDims(a, half);
        QVERIFY(changed.ok());
        QCOMPARE(kvBytesPerToken(*changed), kvBytesPerToken(a) / 2.0);
        QCOMPARE(changed->layers[0].recurrent->convChannels, Index{8192 + 2 * 8 * 64});
        QCOMPARE(setDims(a, dims)->layers, a.layers);
        StackDims wrong;
        wrong.kvHeads = 3;
        QVERIFY(refuses(setDims(a, wrong), "3 key heads do not divide the 32"));
        wrong.kvHeads = -1;
        QVERIFY(refuses(setDims(a, wrong), "-1"));
        wrong = {};
        wrong.stateHeads = wrong.valueDim = 131072;
        QVERIFY(refuses(setDims(a, wrong), "wider"));
        QCOMPARE(dimsOf(*setMixer(a, 0, "mamba1")).keyDim, Index{0}); // they differ
    }

    void sizesOfEveryKindFollowTheirDims()
    {
        for (const char* id :
             {"mamba3-1.5b-shape", "gated-deltanet-1.5b-shape", "kimi-linear-48b-a3b", "qwen3-next-80b-a3b", "recurrentgemma-2b"}) {
            const auto a = architectureOf(id);
            QCOMPARE(setDims(a, dimsOf(a))->layers, a.layers);
            StackDims twice;
            twice.keyDim = 2 * dimsOf(a).keyDim;
            QVERIFY2(stateBytes(*setDims(a, twice)) > 1.3 * stateBytes(a), id);
        }
    }

    void everyArchitectureIsWrittenAndReadBack()
    {
        const QTemporaryDir folder;
        const auto path = std::filesystem::path(folder.path().toStdString()) / "designed.json";
        for (const auto& entry : std::filesystem::directory_iterator(architectureFolder())) {
            auto a = architectureOf(entry.path().stem().string());
            a.name = "A \"stack\" of " + entry.path().stem().string();
            QVERIFY(saveStack(a, path).ok());
            const auto back = readArchitecture(path);
            QVERIFY2(back.ok(), back.ok() ? "" : back.error().what.c_str());
            a.decidedBy = kDesigned;
            QCOMPARE(*back, a);
        }
    }

    void layersCanNotVanishOrGrowForEver()
    {
        auto a = architectureOf("gpt2");
        a.layers.resize(1);
        QVERIFY(refuses(removeLayer(a, 0), "at least one layer"));
        a.layers.assign(4096, a.layers[0]);
        QVERIFY(refuses(duplicateLayer(a, 0), "4096"));
    }

    void damagedFilesNameTheKey_data()
    {
        QTest::addColumn<QByteArray>("patch");
        QTest::addColumn<QString>("names");
        QTest::newRow("version") << QByteArray(R"({"attnscope_stack": 2})") << "attnscope_stack";
        QTest::newRow("mark") << QByteArray(R"({"attnscope_stack": "x"})") << "attnscope_stack";
        QTest::newRow("hidden") << QByteArray(R"({"hidden_size": 0})") << "hidden_size";
        QTest::newRow("dtype") << QByteArray(R"({"dtype": "f8"})") << "dtype";
        QTest::newRow("layers") << QByteArray(R"({"layers": 3})") << "layers";
        QTest::newRow("no layers") << QByteArray(R"({"layers": []})") << "layers";
        QTest::newRow("layer") << QByteArray(R"({"layers": [7]})") << "layers";
        QTest::newRow("attention") << QByteArray(R"({"layers": [{"attention": {"kind": "full"}}]})") << "heads";
        QTest::newRow("kind") << QByteArray(R"({"layers": [{"attention": {"kind": "odd"}}]})") << "kind";
        QTest::newRow("part") << QByteArray(R"({"layers": [{"attention": 3}]})") << "attention";
        QTest::newRow("recurrent") << QByteArray(R"({"layers": [{"recurrent": {"heads": 3}}]})") << "method";
        QTest::newRow("groups") << QByteArray(R"({"layers": [{"recurrent": {"method": "gla", "heads": 1, "key_dim": 1, "value_dim": 1}}]})")
                                << "groups";
        QTest::newRow("ffn") << QByteArray(R"({"layers": [{"ffn": {"kind": "moe", "width": 8, "experts": 2, "active": 3}}]})") << "active";
        QTest::newRow("shared") << QByteArray(R"({"layers": [{"shared_with": 0}]})") << "shared_with";
        QTest::newRow("huge") << QByteArray(R"({"layers": [{"ffn": {"kind": "dense", "width": 100000000000}}]})") << "width";
    }

    void damagedFilesNameTheKey()
    {
        QFETCH(QByteArray, patch);
        QFETCH(QString, names);
        auto json = nlohmann::json::parse(writeStack(architectureOf("gpt2")));
        json.merge_patch(nlohmann::json::parse(patch.toStdString()));
        const auto read = parseArchitecture(json.dump(), "designed.json", "x");
        QVERIFY(!read.ok());
        QVERIFY2(read.error().what.find("\"" + names.toStdString() + "\"") != std::string::npos, read.error().what.c_str());
        QVERIFY(read.error().what.ends_with('.') && !read.error().hint.empty());
    }
};

static const attnscope::tests::RegisterTest<TestStackDesign> registered("test_stack_design");

#include "test_stack_design.moc"
