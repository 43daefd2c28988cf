// SPDX-License-Identifier: GPL-3.0-or-later
// A model folder's weights: one file, or the shards that its index names.
#include "core/io/weight_files.h"
#include "support/files.h"
#include "support/register_test.h"

using namespace attnscope;
using namespace attnscope::tests;

namespace {

void writeShard(const TempFolder& folder, const char* name, const char* tensor, float value)
{
    const std::vector<float> values(2, value);
    QVERIFY(writeSafetensors(folder.file(name), {{tensor, {2}, values}}).ok());
}

float firstOf(const RawTensor& tensor)
{
    float value = 0.0F;
    std::memcpy(&value, tensor.data, sizeof(value));
    return value;
}

} // namespace

class TestWeightFiles : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneFile()
    {
        const TempFolder folder;
        writeShard(folder, "model.safetensors", "a", 1.0F);
        const auto weights = WeightFiles::open(folder.path());
        QVERIFY2(weights.ok(), why(weights));
        QCOMPARE(firstOf(*(*weights)->raw("a")), 1.0F);
        QVERIFY(refused((*weights)->raw("b"), Errc::Parse, "lack the tensor \"b\""));
    }

    void onlyTheShardsOfTheIndexAreRead()
    {
        const TempFolder folder;
        writeShard(folder, "one.safetensors", "a", 1.0F);
        writeShard(folder, "two.safetensors", "b", 2.0F);
        folder.write("stray.safetensors", "not a file of weights");
        folder.write("model.safetensors.index.json", R"({"metadata":{},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
        const auto weights = WeightFiles::open(folder.path());
        QVERIFY2(weights.ok(), why(weights));
        QCOMPARE(firstOf(*(*weights)->raw("a")), 1.0F);
        QCOMPARE(firstOf(*(*weights)->raw("b")), 2.0F);
        QCOMPARE((*weights)->names().size(), std::size_t(2));
    }

    void brokenIndexesAreRefused_data()
    {
        QTest::addColumn<QString>("index");
        QTest::addColumn<QString>("part");
        QTest::addColumn<int>("code");
        const int parse = static_cast<int>(Errc::Parse);
        QTest::newRow("no JSON") << "{"
                                 << "no index of weights" << parse;
        QTest::newRow("empty") << ""
                               << "no index of weights" << parse;
        QTest::newRow("no map") << "{\"weight_map\":3}"
                                << "no index of weights" << parse;
        QTest::newRow("a number as file") << R"({"weight_map":{"a":3}})"
                                          << "names no file" << parse;
        QTest::newRow("outside") << R"({"weight_map":{"a":"../one.safetensors"}})"
                                 << "outside its folder" << parse;
        QTest::newRow("absolute") << R"({"weight_map":{"a":"/etc/passwd"}})"
                                  << "outside its folder" << parse;
        QTest::newRow("tensor elsewhere") << R"({"weight_map":{"b":"one.safetensors"}})"
                                          << "lacks the tensor \"b\"" << parse;
        QTest::newRow("shard missing") << R"({"weight_map":{"a":"none.safetensors"}})"
                                       << "none.safetensors" << static_cast<int>(Errc::Io);
    }

    void brokenIndexesAreRefused()
    {
        QFETCH(QString, index);
        QFETCH(QString, part);
        QFETCH(int, code);
        const TempFolder folder;
        writeShard(folder, "one.safetensors", "a", 1.0F);
        folder.write("model.safetensors.index.json", index.toStdString());
        QVERIFY(refused(WeightFiles::open(folder.path()), static_cast<Errc>(code), part.toUtf8().constData()));
    }

    void foldersWithoutWeightsAreNamed()
    {
        const TempFolder folder;
        QVERIFY(refused(WeightFiles::open(folder.path()), Errc::Io, "has no model.safetensors"));
    }
};

static const attnscope::tests::RegisterTest<TestWeightFiles> registered("test_weight_files");

#include "test_weight_files.moc"
