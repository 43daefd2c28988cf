// SPDX-License-Identifier: GPL-3.0-or-later
// Captured layers: written and read back, and those of capture_qkv.py against our own extraction.
#include "core/inputs/capture_file.h"
#include "core/inputs/generators.h"
#include "core/inputs/memory_document.h"
#include "core/inputs/tensor_document.h"
#include "core/inputs/tensor_metadata.h"
#include "core/model/text_document.h"
#include "core/model/transformer.h"
#include "model/model_reference.h"
#include "support/files.h"
#include "support/maps.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <cmath>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

double difference(const Tensor& a, const Tensor& b)
{
    if (a.shape() != b.shape())
        return 1e9;
    double worst = 0.0;
    for (std::size_t i = 0; i < a.values().size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(a.values()[i]) - b.values()[i]));
    return worst;
}

double difference(const LayerInputs& a, const LayerInputs& b)
{
    return std::max({difference(a.q, b.q), difference(a.k, b.k), difference(a.v, b.v)});
}

/// A document of layers in memory.
class LayersDocument final : public Document {
public:
    explicit LayersDocument(std::vector<std::shared_ptr<const LayerInputs>> layers) : m_layers(std::move(layers))
    {
        for (std::size_t i = 0; i < m_layers.size(); ++i)
            m_info.layerNames.push_back("layer " + std::to_string(i));
    }
    const DocumentInfo& info() const override { return m_info; }
    Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext&) const override
    {
        return m_layers[static_cast<std::size_t>(index)];
    }

private:
    DocumentInfo m_info;
    std::vector<std::shared_ptr<const LayerInputs>> m_layers;
};

/// The largest difference of the layer's exact maps, computed under its own mask, from those of transformers.
double exactGap(const std::shared_ptr<const LayerInputs>& layer, const ModelReference& reference, int number)
{
    const auto& expected = reference.tensor("attention." + std::to_string(number));
    const Inputs in = inputsOf(layer);
    std::size_t at = 0;
    double worst = 0.0;
    for (Index head = 0; head < in.q.heads(); ++head) {
        const auto source = findMethod("softmax")->scores(in, {0, head}, {}, {});
        const Tensor map = source.ok() ? readWhole(**source) : Tensor();
        for (const float cell : map.values())
            worst = std::max(worst, std::abs(static_cast<double>(cell) - expected[at++]));
    }
    return at == expected.size() ? worst : 1e9;
}

} // namespace

class TestCaptureFile : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void roundTripIsExact()
    {
        const TempFolder folder;
        const auto layer = generateInputs({.id = "planted", .length = 24, .heads = 4});
        QVERIFY2(layer.ok(), why(layer));
        const auto before = makeDocument(*layer, "planted", plantedTokens(24));
        QVERIFY2(before.ok(), why(before));
        QVERIFY(writeCapture(folder.file("a.safetensors"), **before, {}, {}).ok());
        const auto after = openTensors(folder.file("a.safetensors"));
        QVERIFY2(after.ok(), why(after));
        const auto read = (*after)->layer(0, {});
        QVERIFY(read.ok());
        QCOMPARE(difference(**layer, **read), 0.0);
        QCOMPARE((*read)->scale, (*layer)->scale);
        QVERIFY((*read)->causal);
        QVERIFY((*after)->info().tokens == plantedTokens(24));
        QVERIFY((*after)->info().layerNames == std::vector<std::string>{"layer 0"});
    }

    void oneHeadIsWrittenAlone()
    {
        const TempFolder folder;
        const auto layer = generateInputs({.id = "planted", .length = 24, .heads = 4});
        QVERIFY2(layer.ok(), why(layer));
        const auto before = makeDocument(*layer, "planted");
        QVERIFY2(before.ok(), why(before));
        QVERIFY(writeCapture(folder.file("a.safetensors"), **before, {}, {}, HeadRef{0, 2}).ok());
        const auto after = openTensors(folder.file("a.safetensors"));
        QVERIFY2(after.ok(), why(after));
        QCOMPARE((*after)->info().heads, Index{1});
        const auto read = (*after)->layer(0, {});
        QVERIFY(read.ok());
        for (Index i = 0; i < 24; ++i) {
            QVERIFY(std::ranges::equal((*read)->q.matrix().rowSpan(i), (*layer)->q.matrix({0, 2}).rowSpan(i)));
            QVERIFY(std::ranges::equal((*read)->v.matrix().rowSpan(i), inputsOf(*layer).vOf({0, 2}).rowSpan(i)));
        }
    }

    void batchesKeepTheirAxis()
    {
        const TempFolder folder;
        const auto before = openTensors(goldenIo("compressed_bhnd.npz"));
        QVERIFY2(before.ok(), why(before));
        QVERIFY(writeCapture(folder.file("a.safetensors"), **before, {0}, {}).ok());
        const auto after = openTensors(folder.file("a.safetensors"));
        QVERIFY2(after.ok(), why(after));
        QCOMPARE(difference(**(*before)->layer(0, {}), **(*after)->layer(0, {})), 0.0);
    }

    void capturesFromPythonEqualOurOwn_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::newRow("llama") << true;
        QTest::newRow("bert") << false;
    }

    /// Files that resources/capture/capture_qkv.py made of the golden models, against the C++ forward pass of the same models.
    void capturesFromPythonEqualOurOwn()
    {
        QFETCH(bool, causal);
        const std::filesystem::path golden = std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden";
        const std::string family = QTest::currentDataTag();
        const auto captured = openTensors(golden / "capture" / (family + ".safetensors"));
        QVERIFY2(captured.ok(), why(captured));
        const auto own = openText("The whale swam, and the whale sang; the sea was calm.", "", golden / "model" / family, {});
        QVERIFY2(own.ok(), why(own));
        QCOMPARE((*captured)->info().causal, causal);
        QCOMPARE((*captured)->info().length, (*own)->info().length);
        QCOMPARE((*captured)->info().layerNames.size(), (*own)->info().layerNames.size());
        QVERIFY((*captured)->info().tokens == (*own)->info().tokens);
        for (Index i = 0; i < static_cast<Index>((*own)->info().layerNames.size()); ++i) {
            const auto a = (*captured)->layer(i, {});
            const auto b = (*own)->layer(i, {});
            QVERIFY(a.ok() && b.ok());
            const double worst = difference(**a, **b);
            QVERIFY2(worst < 1e-4, std::to_string(worst).c_str());
            QVERIFY(std::abs(inputsOf(*a).effectiveScale() - inputsOf(*b).effectiveScale()) < 1e-6F);
            QCOMPARE((*a)->causal, (*b)->causal);
        }
    }

    /// The golden Mistral sees 7 tokens; Qwen2 sees all of them in its first layer and 5 in the others.
    void windowsComeAlong_data()
    {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QList<int>>("windows");
        QTest::newRow("mistral") << "mistral" << QList<int>{7, 7};
        QTest::newRow("qwen2") << "qwen2" << QList<int>{0, 5, 5};
    }
    void windowsComeAlong()
    {
        QFETCH(QString, model);
        QFETCH(QList<int>, windows);
        const auto folder = std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/model" / model.toStdString();
        const auto loaded = Transformer::load(folder);
        const auto reference = ModelReference::open(folder / "expected.safetensors");
        QVERIFY(loaded.ok() && reference.ok());
        const auto result = loaded->forward(reference->ids(), {}, {});
        QVERIFY2(result.ok(), why(result));
        const LayersDocument before(result->layers);
        const TempFolder kept;
        const auto written = writeCapture(kept.file("a.safetensors"), before, {}, {});
        QVERIFY2(written.ok(), why(written));
        const auto after = openTensors(kept.file("a.safetensors"));
        QVERIFY2(after.ok(), why(after));
        for (int i = 0; i < windows.size(); ++i) {
            QCOMPARE(result->layers[static_cast<std::size_t>(i)]->window, Index(windows[i]));
            const auto layer = (*after)->layer(i, {});
            QVERIFY(layer.ok());
            QCOMPARE((*layer)->window, Index(windows[i]));
            QVERIFY((*layer)->causal);
            QVERIFY(exactGap(*layer, *reference, i) < 1e-4);
        }
    }

    void windowsAreReadFromMasks()
    {
        QCOMPARE(windowOf("sliding window 128"), Index(128));
        QCOMPARE(windowOf("sliding window 9 on each side"), Index(9));
        QCOMPARE(windowOf("sliding window 9, and attention sinks"), Index(9));
        for (const char* mask : {"", "causal", "bidirectional", "other", "sliding window", "sliding window x", "sliding window 3.5",
                                 "sliding window -4", "sliding window 99999999999999999999", "layer 0: sliding window 5"})
            QCOMPARE(windowOf(mask), Index(0));
        QCOMPARE(windowOf(maskText(true, 33)), Index(33));
        QCOMPARE(windowOf(maskText(false, 33)), Index(33));
    }

    void layersThatAreNotThereAndFullPlaces()
    {
        const TempFolder folder;
        const auto document = openTensors(goldenIo("stored_hnd.npz"));
        QVERIFY(document.ok());
        QVERIFY(refused(writeCapture(folder.file("a.safetensors"), **document, {0, 7}, {}), Errc::InvalidParam, "no layer 7"));
        QVERIFY(refused(writeCapture(folder.file("none/a.safetensors"), **document, {}, {}), Errc::Io, "can't be written"));
        QVERIFY(folder.names().isEmpty());
    }
};

static const attnscope::tests::RegisterTest<TestCaptureFile> registered("test_capture_file");

#include "test_capture_file.moc"
