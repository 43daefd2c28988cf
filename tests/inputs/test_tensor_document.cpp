// SPDX-License-Identifier: GPL-3.0-or-later
// Tensor files become documents, whatever their format, names and layout.
#include "core/inputs/tensor_document.h"
#include "core/io/npy.h"
#include "support/files.h"
#include "support/register_test.h"

using namespace attnscope;
using namespace attnscope::tests;

namespace {

std::vector<float> goldenValues(Index count, int shift)
{
    std::vector<float> values;
    for (Index i = 0; i < count; ++i)
        values.push_back(goldenValue(i, shift));
    return values;
}

std::shared_ptr<const LayerInputs> firstLayer(const Document& document)
{
    const auto layer = document.layer(0, {});
    return layer.ok() ? *layer : std::make_shared<const LayerInputs>();
}

bool same(const Tensor& tensor, const std::array<Index, 4>& shape, const std::vector<float>& values)
{
    return tensor.shape() == shape && std::equal(values.begin(), values.end(), tensor.values().begin(), tensor.values().end());
}

} // namespace

class TestTensorDocument : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void opensEachFormat_data()
    {
        QTest::addColumn<QString>("detail");
        QTest::addColumn<int>("batch");
        QTest::newRow("stored_hnd.npz") << "q [2, 6, 4] read as H, N, D (heads usually come first); float64" << 1;
        QTest::newRow("compressed_bhnd.npz") << "q [2, 3, 6, 4] read as B, H, N, D (heads usually come first); float16" << 2;
        QTest::newRow("compressed_fortran.npz") << "q [2, 6, 4] read as H, N, D (heads usually come first); float32" << 1;
        QTest::newRow("mixed.safetensors") << "q [2, 6, 4] read as H, N, D (heads usually come first); float32" << 1;
    }

    void opensEachFormat()
    {
        QFETCH(QString, detail);
        QFETCH(int, batch);
        const auto document = openTensors(goldenIo(QTest::currentDataTag()));
        QVERIFY2(document.ok(), why(document));
        const auto& info = (*document)->info();
        QCOMPARE(QString::fromStdString(info.detail), detail);
        QCOMPARE(info.title, std::string(QTest::currentDataTag()));
        QCOMPARE(info.batch, Index(batch));
        QCOMPARE(info.heads, Index(batch == 2 ? 3 : 2));
        QCOMPARE(info.length, Index(6));
        const auto layer = firstLayer(**document);
        const std::array<Index, 4> shape{info.batch, info.heads, 6, 4};
        const Index count = info.batch * info.heads * 24;
        QVERIFY(same(layer->q, shape, goldenValues(count, 0)));
        QVERIFY(same(layer->k, shape, goldenValues(count, 1)));
        QVERIFY(same(layer->v, shape, goldenValues(count, 2)));
    }

    void metadataGiveMaskAndScale()
    {
        const auto document = openTensors(goldenIo("mixed.safetensors"));
        QVERIFY2(document.ok(), why(document));
        QVERIFY((*document)->info().causal);
        QCOMPARE(firstLayer(**document)->scale, 0.25F);
        TensorOptions options;
        options.causal = false;
        options.scale = 0.5F;
        const auto overridden = openTensors(goldenIo("mixed.safetensors"), options);
        QVERIFY(overridden.ok());
        QVERIFY(!(*overridden)->info().causal && !firstLayer(**overridden)->causal);
        QCOMPARE(firstLayer(**overridden)->scale, 0.5F);
    }

    void layoutIsCorrected()
    {
        TensorOptions options;
        options.layout = Layout::NHD;
        const auto document = openTensors(goldenIo("stored_hnd.npz"), options);
        QVERIFY2(document.ok(), why(document));
        QCOMPARE((*document)->layout().layout, Layout::NHD);
        QCOMPARE((*document)->info().heads, Index(6));
        QCOMPARE(firstLayer(**document)->q.matrix({0, 5})(1, 2), goldenValue((1 * 6 + 5) * 4 + 2));
    }

    void otherNamesAreFound()
    {
        const TempFolder folder;
        const auto values = goldenValues(8, 0);
        for (const auto& names : {std::array{"Q", "K", "V"}, std::array{"query", "key", "value"}, std::array{"arr_0", "arr_1", "arr_2"}}) {
            QVERIFY(writeSafetensors(folder.file("a.safetensors"),
                                     {{names[0], {4, 2}, values}, {names[1], {4, 2}, values}, {names[2], {4, 2}, values}})
                        .ok());
            QVERIFY(openTensors(folder.file("a.safetensors")).ok());
        }
        QVERIFY(
            writeSafetensors(folder.file("a.safetensors"), {{"left", {4, 2}, values}, {"k", {4, 2}, values}, {"v", {4, 2}, values}}).ok());
        QVERIFY(refused(openTensors(folder.file("a.safetensors")), Errc::Parse, "no array \"q\"; its arrays are: left, k, v"));
        TensorOptions options;
        options.q = "left";
        const auto document = openTensors(folder.file("a.safetensors"), options);
        QVERIFY2(document.ok(), why(document));
        QVERIFY((*document)->arrayNames() == (std::vector<std::string>{"left", "k", "v"}));
        options.q = "right";
        QVERIFY(refused(openTensors(folder.file("a.safetensors"), options), Errc::Parse, "right"));
    }

    void npyNeighboursBelongTogether()
    {
        const TempFolder folder;
        for (int i = 0; i < 3; ++i)
            QVERIFY(writeNpy(folder.file(std::string("run_") + "qkv"[i] + ".npy"), std::vector<Index>{2, 3, 4}, goldenValues(24, i)).ok());
        for (const char* name : {"run_q.npy", "run_v.npy"}) {
            const auto document = openTensors(folder.file(name));
            QVERIFY2(document.ok(), why(document));
            QVERIFY(same(firstLayer(**document)->v, {1, 2, 3, 4}, goldenValues(24, 2)));
        }
        std::filesystem::remove(folder.file("run_k.npy"));
        QVERIFY(refused(openTensors(folder.file("run_q.npy")), Errc::Io, "run_k.npy"));
    }

    void oneNpyMayHoldAllThree()
    {
        const TempFolder folder;
        QVERIFY(writeNpy(folder.file("qkv.npy"), std::vector<Index>{3, 2, 3, 4}, goldenValues(72, 0)).ok());
        const auto document = openTensors(folder.file("qkv.npy"));
        QVERIFY2(document.ok(), why(document));
        QCOMPARE(firstLayer(**document)->k.matrix({0, 1})(2, 3), goldenValue(24 + 23));
        QVERIFY(writeNpy(folder.file("one.npy"), std::vector<Index>{4, 2}, goldenValues(8, 0)).ok());
        QVERIFY(refused(openTensors(folder.file("one.npy")), Errc::InvalidShape, "holds one array, [4, 2]"));
    }

    void layersAreNumberedTokensAreLabels()
    {
        const TempFolder folder;
        const auto values = goldenValues(24, 0);
        const auto keys = goldenValues(12, 1);
        std::vector<NamedArray> arrays;
        for (const char* stem : {"layers.10.", "layers.3."}) {
            arrays.push_back({std::string(stem) + "q", {2, 3, 4}, values});
            arrays.push_back({std::string(stem) + "k", {1, 3, 4}, keys});
            arrays.push_back({std::string(stem) + "v", {1, 3, 4}, keys});
        }
        const std::map<std::string, std::string> metadata{
            {"causal", "true"}, {"scale", "0.125"}, {"layers.10.scale", "0.5"}, {"tokens", R"(["a","b","c"])"}, {"model", "tiny"}};
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), arrays, metadata).ok());
        const auto document = openTensors(folder.file("a.safetensors"));
        QVERIFY2(document.ok(), why(document));
        const auto& info = (*document)->info();
        QVERIFY(info.layerNames == (std::vector<std::string>{"layer 3", "layer 10"}));
        QVERIFY(info.tokens == (std::vector<std::string>{"a", "b", "c"}));
        QCOMPARE(info.model, std::string("tiny"));
        QCOMPARE(info.kvHeads, Index(1));
        QCOMPARE(info.detail, std::string("q [2, 3, 4] read as H, N, D (there are 3 tokens); float32; 1 KV head"));
        QCOMPARE((*(*document)->layer(0, {}))->scale, 0.125F);
        QCOMPARE((*(*document)->layer(1, {}))->scale, 0.5F);
        QVERIFY(refused((*document)->layer(2, {}), Errc::InvalidParam, "no layer 2"));
    }

    void layersAreReadOnceWhileTheyAreUsed()
    {
        const auto document = openTensors(goldenIo("stored_hnd.npz"));
        QVERIFY(document.ok());
        QCOMPARE(firstLayer(**document).get(), firstLayer(**document).get());
    }

    void cancelledIsCancelled()
    {
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        QVERIFY(refused(openTensors(goldenIo("stored_hnd.npz"), {}, context), Errc::Cancelled, "cancelled"));
    }
};

static const attnscope::tests::RegisterTest<TestTensorDocument> registered("test_tensor_document");

#include "test_tensor_document.moc"
