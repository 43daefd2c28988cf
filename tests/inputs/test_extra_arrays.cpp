// SPDX-License-Identifier: GPL-3.0-or-later
// Further arrays beside q, k, v: found by name, read in each layout, given to each head, refused where they don't fit.
#include "core/inputs/capture_file.h"
#include "core/inputs/extra_layout.h"
#include "core/inputs/memory_document.h"
#include "core/inputs/tensor_document.h"
#include "support/files.h"
#include "support/register_test.h"

#include <limits>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

using Extents = std::vector<Index>;

struct Array {
    std::string name;
    Extents shape;
};

/// Holds 0, 1, 2, ... in every array, so that a value tells where it stood.
std::vector<float> counted(const Extents& shape)
{
    std::vector<float> values(static_cast<std::size_t>(ArrayInfo{"", shape, DType::F32, ""}.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i);
    return values;
}

Result<std::shared_ptr<const TensorDocument>> open(const std::vector<Array>& arrays, const TensorOptions& options = {}, float last = 0.0F)
{
    static const TempFolder folder;
    std::vector<std::vector<float>> values;
    for (const auto& array : arrays)
        values.push_back(counted(array.shape));
    if (last != 0.0F)
        values.back().back() = last;
    std::vector<NamedArray> named;
    for (std::size_t i = 0; i < arrays.size(); ++i)
        named.push_back({arrays[i].name, arrays[i].shape, values[i]});
    const auto written = writeSafetensors(folder.file("a.safetensors"), named);
    return written.ok() ? openTensors(folder.file("a.safetensors"), options)
                        : Result<std::shared_ptr<const TensorDocument>>(written.error());
}

/// q [4, 6, 3] with two KV heads, beside one further array.
std::vector<Array> withExtra(const std::string& name, const Extents& shape)
{
    return {{"q", {4, 6, 3}}, {"k", {2, 6, 3}}, {"v", {2, 6, 3}}, {name, shape}};
}

TensorOptions as(Layout layout)
{
    TensorOptions options;
    options.layout = layout;
    return options;
}

Inputs inputsOfFirst(const Document& document)
{
    const auto layer = document.layer(0, {});
    return layer.ok() ? inputsOf(*layer) : Inputs{};
}

} // namespace

class TestExtraArrays : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void eachLayoutIsRead_data()
    {
        QTest::addColumn<QList<int>>("shape");
        QTest::addColumn<QString>("explained");
        QTest::addColumn<int>("rows");
        QTest::addColumn<int>("width");
        QTest::addColumn<double>("value"); // of query head 3, token 5 (or the only one), last column
        QTest::newRow("N") << QList<int>{6} << "g [6] as N" << 6 << 1 << 5.0;
        QTest::newRow("N W") << QList<int>{6, 5} << "g [6, 5] as N, W" << 6 << 5 << 29.0;
        QTest::newRow("H N") << QList<int>{4, 6} << "g [4, 6] as H, N" << 6 << 1 << 23.0;
        QTest::newRow("KV heads") << QList<int>{2, 6} << "g [2, 6] as H, N" << 6 << 1 << 11.0;
        QTest::newRow("one head") << QList<int>{1, 6} << "g [1, 6] as H, N" << 6 << 1 << 5.0;
        QTest::newRow("H N W") << QList<int>{4, 6, 5} << "g [4, 6, 5] as H, N, W" << 6 << 5 << 119.0;
        QTest::newRow("B H N") << QList<int>{1, 4, 6} << "g [1, 4, 6] as B, H, N" << 6 << 1 << 23.0;
        QTest::newRow("B H N W") << QList<int>{1, 2, 6, 5} << "g [1, 2, 6, 5] as B, H, N, W" << 6 << 5 << 59.0;
        QTest::newRow("H") << QList<int>{4} << "g [4] as H" << 1 << 1 << 3.0;
        QTest::newRow("H 1") << QList<int>{4, 1} << "g [4, 1] as H, 1" << 1 << 1 << 3.0;
        QTest::newRow("1") << QList<int>{1} << "g [1] as 1" << 1 << 1 << 0.0;
        QTest::newRow("H W") << QList<int>{4, 5} << "g [4, 5] as H, W" << 1 << 5 << 19.0;
        QTest::newRow("H 1 W") << QList<int>{4, 1, 5} << "g [4, 1, 5] as H, N, W" << 1 << 5 << 19.0;
    }

    void eachLayoutIsRead()
    {
        QFETCH(QList<int>, shape);
        QFETCH(QString, explained);
        QFETCH(int, rows);
        QFETCH(int, width);
        QFETCH(double, value);
        const auto document = open(withExtra("g", {shape.begin(), shape.end()}), as(Layout::HND));
        QVERIFY2(document.ok(), why(document));
        const QString detail = QString::fromStdString((*document)->info().detail);
        QVERIFY2(detail.contains("; " + explained), qPrintable(detail));
        QVERIFY((*document)->info().arrays == std::vector<std::string>{"g"});
        const auto g = inputsOfFirst(**document).array("g", {0, 3});
        QVERIFY(g.has_value());
        QCOMPARE(g->rows, Index(rows));
        QCOMPARE(g->cols, Index(width));
        QCOMPARE(static_cast<double>((*g)(rows - 1, width - 1)), value);
    }

    void tokensComeFirstWhereThoseOfQDo()
    {
        const auto document =
            open({{"q", {6, 4, 3}}, {"k", {6, 2, 3}}, {"v", {6, 2, 3}}, {"beta", {6, 4}}, {"g", {6, 4, 2}}}, as(Layout::NHD));
        QVERIFY2(document.ok(), why(document));
        const auto inputs = inputsOfFirst(**document);
        QCOMPARE((*inputs.array("beta", {0, 3}))(5, 0), 23.0F);
        QCOMPARE((*inputs.array("beta", {0, 1}))(2, 0), 9.0F);
        QCOMPARE((*inputs.array("g", {0, 1}))(2, 1), 19.0F);
        const QString detail = QString::fromStdString((*document)->info().detail);
        QVERIFY2(detail.contains("beta [6, 4] as N, H (N, W would fit too); g [6, 4, 2] as N, H, W"), qPrintable(detail));
    }

    void oneHeadTakesItsPart()
    {
        const auto document = open(withExtra("g", {2, 6, 5}), as(Layout::HND));
        QVERIFY2(document.ok(), why(document));
        const auto layer = (*document)->layer(0, {});
        QVERIFY(layer.ok());
        const Inputs one = inputsOf(*layer, {0, 3});
        const auto g = one.array("g", {});
        QVERIFY(g && g->rows == 6 && g->cols == 5);
        QCOMPARE((*g)(0, 0), 30.0F); // KV head 1
        QVERIFY(validate(one).ok());
        QVERIFY(!one.array("beta", {}).has_value());
    }

    void everyLayerHasItsOwn()
    {
        const Extents qkv{6, 3};
        const auto document = open({{"layers.0.q", qkv},
                                    {"layers.0.k", qkv},
                                    {"layers.0.v", qkv},
                                    {"layers.0.g", {6}},
                                    {"layers.1.q", qkv},
                                    {"layers.1.k", qkv},
                                    {"layers.1.v", qkv},
                                    {"layers.1.g", {6, 2}},
                                    {"beta", {6}},
                                    {"loss", {17}}});
        QVERIFY2(document.ok(), why(document));
        for (Index layer = 0; layer < 2; ++layer) {
            const auto loaded = (*document)->layer(layer, {});
            QVERIFY2(loaded.ok(), why(loaded));
            QCOMPARE((*loaded)->arrays.size(), std::size_t{2});
            QCOMPARE((*loaded)->arrays.at("g").cols(), layer + 1);
            QCOMPARE((*loaded)->arrays.at("beta").rows(), Index{6});
        }
    }

    void queriesNamedLikeAGateStayQueries()
    {
        const TensorOptions options{.q = "C", .k = "B", .v = "v"};
        const auto document = open({{"C", {6, 3}}, {"B", {6, 3}}, {"v", {6, 3}}, {"dt", {6}}}, options);
        QVERIFY2(document.ok(), why(document));
        QVERIFY((*document)->info().arrays == std::vector<std::string>{"dt"});
    }

    void whatDoesNotFitIsRefused()
    {
        QVERIFY(refused(open(withExtra("g", {7}), as(Layout::HND)), Errc::InvalidShape, "\"g\" [7] doesn't go with 4 heads of 6 tokens"));
        QVERIFY(refused(open(withExtra("beta", {3, 6}), as(Layout::HND)), Errc::InvalidShape, "\"beta\" [3, 6]"));
        QVERIFY(refused(open(withExtra("g", {0}), as(Layout::HND)), Errc::InvalidShape, "\"g\" [0]"));
        QVERIFY(refused(open(withExtra("g", {1, 1, 4, 6, 2}), as(Layout::HND)), Errc::InvalidShape, "\"g\""));
        QVERIFY(refused(open(withExtra("g", {6}), as(Layout::HND), std::numeric_limits<float>::quiet_NaN()), Errc::InvalidParam,
                        "g holds 1 value that is NaN or infinite, the first at [0, 0, 5, 0]"));
        QVERIFY(open(withExtra("loss", {7}), as(Layout::HND)).ok());
    }

    void arraysOutliveACapture()
    {
        const TempFolder folder;
        const auto before = open(withExtra("g", {2, 6, 5}), as(Layout::HND));
        QVERIFY2(before.ok(), why(before));
        const auto written = writeCapture(folder.file("b.safetensors"), **before, {}, {});
        QVERIFY2(written.ok(), why(written));
        const auto after = openTensors(folder.file("b.safetensors"), as(Layout::HND));
        QVERIFY2(after.ok(), why(after));
        const auto a = inputsOfFirst(**before);
        const auto b = inputsOfFirst(**after);
        for (Index head = 0; head < 4; ++head)
            QCOMPARE((*b.array("g", {0, head}))(4, 3), (*a.array("g", {0, head}))(4, 3));
    }

    void madeInMemoryTheyAreCheckedAlike()
    {
        auto layer = std::make_shared<LayerInputs>();
        layer->q = Tensor(1, 2, 3, 1);
        layer->k = Tensor(1, 2, 3, 1);
        layer->v = Tensor(1, 2, 3, 1);
        for (Tensor* tensor : {&layer->q, &layer->k, &layer->v})
            std::fill(tensor->values().begin(), tensor->values().end(), 1.0F);
        layer->arrays["beta"] = Tensor(1, 2, 2, 1);
        QVERIFY(refused(makeDocument(layer, "made"), Errc::InvalidShape, "\"beta\" has 2 tokens, not 3"));
        layer->arrays["beta"] = Tensor(1, 3, 3, 1);
        QVERIFY(refused(makeDocument(layer, "made"), Errc::InvalidShape, "\"beta\" has 3 heads, not 2"));
        layer->arrays["beta"] = Tensor(2, 1, 3, 1);
        QVERIFY(refused(makeDocument(layer, "made"), Errc::InvalidShape, "\"beta\" has a batch of 2, not 1"));
    }

    void namesAreKnownOnce()
    {
        const auto known = knownArrays();
        QVERIFY(std::is_sorted(known.begin(), known.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
        for (const char* name : {"g", "beta", "dt", "A", "lambda"})
            QVERIFY(isKnownArray(name));
        for (const char* name : {"q", "k", "v", "Q", "K", "V", "loss"})
            QVERIFY(!isKnownArray(name));
    }
};

static const attnscope::tests::RegisterTest<TestExtraArrays> registered("test_extra_arrays");

#include "test_extra_arrays.moc"
