// SPDX-License-Identifier: GPL-3.0-or-later
// .safetensors files that the reference library wrote, files of ours, and hostile ones.
#include "core/io/safetensors.h"
#include "support/files.h"
#include "support/register_test.h"

using namespace attnscope;
using namespace attnscope::tests;

namespace {

std::string entry(const char* dtype, const char* shape, const char* offsets)
{
    return std::string("{\"dtype\":\"") + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

const std::string goodEntry = entry("F32", "[2,2]", "[0,16]");
const std::string data16(16, 'x');

} // namespace

class TestSafetensors : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsWhatTheReferenceWrote()
    {
        const auto file = SafetensorsFile::open(goldenIo("mixed.safetensors"));
        QVERIFY2(file.ok(), why(file));
        const auto& arrays = (*file)->arrays();
        QCOMPARE(arrays.size(), std::size_t(6));
        const std::map<std::string, std::pair<std::string, int>> floats{
            {"q", {"float32", 0}}, {"k", {"float16", 1}}, {"v", {"bfloat16", 2}}, {"double", {"float64", 0}}};
        for (std::size_t i = 0; i < arrays.size(); ++i) {
            const auto expected = floats.find(arrays[i].name);
            if (expected == floats.end())
                continue;
            QCOMPARE(arrays[i].dtypeName, expected->second.first);
            QVERIFY(holdsGolden(**file, i, expected->second.second));
        }
        QCOMPARE((*file)->find("empty")->size(), Index(0));
        QCOMPARE((*file)->metadata().at("scale"), std::string("0.25"));
    }

    void integersAreListedAndRefused()
    {
        const auto file = SafetensorsFile::open(goldenIo("mixed.safetensors"));
        QVERIFY(file.ok());
        const auto* counts = (*file)->find("counts");
        QVERIFY(counts != nullptr);
        std::vector<float> out(3);
        const auto read = (*file)->readInto(static_cast<std::size_t>(counts - (*file)->arrays().data()), out);
        QVERIFY(refused(read, Errc::Unsupported, "int64"));
    }

    void rawTensorsBorrowTheFile()
    {
        const auto file = SafetensorsFile::open(goldenIo("mixed.safetensors"));
        QVERIFY(file.ok());
        const auto q = (*file)->raw("q");
        QVERIFY2(q.ok(), why(q));
        QCOMPARE(q->bytes, std::size_t(2 * 6 * 4 * 4));
        QCOMPARE(q->size(), Index(48));
        float third = 0.0F;
        std::memcpy(&third, q->data + 12, 4);
        QCOMPARE(third, goldenValue(3));
        QVERIFY(refused((*file)->raw("w"), Errc::Parse, "no tensor \"w\""));
    }

    void writesWhatItReads()
    {
        const TempFolder folder;
        std::vector<float> values(24);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = goldenValue(static_cast<Index>(i));
        const std::map<std::string, std::string> metadata{{"tokens", "[\"\xe2\x90\xa3the\", \"\\\"\"]"}, {"causal", "true"}};
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), {{"z", {2, 3, 4}, values}, {"a", {24}, values}}, metadata).ok());
        const auto file = SafetensorsFile::open(folder.file("a.safetensors"));
        QVERIFY2(file.ok(), why(file));
        QCOMPARE((*file)->arrays().size(), std::size_t(2));
        QVERIFY((*file)->find("z")->shape == (std::vector<Index>{2, 3, 4}));
        QVERIFY(holdsGolden(**file, 0) && holdsGolden(**file, 1));
        QVERIFY((*file)->metadata() == metadata);
        QVERIFY((*file)->raw("z")->isAligned());
    }

    void writerRefusesShapesThatDoNotFit()
    {
        const TempFolder folder;
        const std::vector<float> values(6, 1.0F);
        QVERIFY(refused(writeSafetensors(folder.file("a.safetensors"), {{"q", {2, 2}, values}}), Errc::InvalidShape, "[2, 2]"));
        QVERIFY(
            refused(writeSafetensors(folder.file("a.safetensors"), {{"q", {6}, values}, {"q", {6}, values}}), Errc::InvalidShape, "taken"));
        QVERIFY(folder.names().isEmpty());
    }

    void hostileFilesAreRefused_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("part");
        const auto raw = [](const char* name, const std::string& bytes, const char* part) {
            QTest::newRow(name) << QByteArray(bytes.data(), static_cast<qsizetype>(bytes.size())) << QString(part);
        };
        const auto add = [&](const char* name, const std::string& json, const char* part) {
            raw(name, safetensorsBytes(json, data16), part);
        };
        const std::string good = safetensorsBytes("{\"q\":" + goodEntry + "}", data16);
        raw("empty", "", "is empty");
        raw("seven bytes", good.substr(0, 7), "too short");
        raw("cut in the header", good.substr(0, 30), "more than the whole file has");
        raw("cut in the data", good.substr(0, good.size() - 1), "is cut off: \"q\"");
        raw("data beyond the tensors", good + "x", "belong to no tensor");
        raw("header of 2^63 bytes", std::string("\0\0\0\0\0\0\0\x80{}", 10), "claims a header of 9223372036854775808");
        raw("header of 2^64-1 bytes", std::string(8, '\xff') + "{}", "more than the whole file has");
        add("overlap", "{\"a\":" + goodEntry + ",\"b\":" + entry("F32", "[2]", "[8,16]") + "}", "overlaps");
        add("hole", "{\"a\":" + entry("F32", "[2]", "[8,16]") + "}", "8 bytes before \"a\"");
        add("backwards", "{\"a\":" + entry("F32", "[2]", "[16,8]") + "}", "ends before it begins");
        add("shape against bytes", "{\"a\":" + entry("F32", "[2,3]", "[0,16]") + "}", "disagree");
        add("shape overflows", "{\"a\":" + entry("F32", "[4294967296,4294967296,4294967296]", "[0,16]") + "}", "disagree");
        add("negative size", "{\"a\":" + entry("F32", "[-2,2]", "[0,16]") + "}", "a negative number");
        add("size beyond 63 bits", "{\"a\":" + entry("F32", "[18446744073709551615]", "[0,16]") + "}", "18446744073709551615");
        add("fractional offset", "{\"a\":" + entry("F32", "[2,2]", "[0,16.5]") + "}", "isn't whole");
        add("three offsets", "{\"a\":" + entry("F32", "[2,2]", "[0,16,16]") + "}", "the number 16");
        add("one offset", "{\"a\":" + entry("F32", "[2,2]", "[0]") + "}", "leaves out");
        add("no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", "leaves out");
        add("unknown field", "{\"a\":{\"code\":1}}", "unknown field");
        add("twice", "{\"a\":" + goodEntry + ",\"a\":" + goodEntry + "}", "twice");
        add("not JSON", "{\"a\":", "isn't valid JSON");
        add("an array", "[1,2,3]", "holds an array");
        add("null", "null", "holds null");
        add("metadata that is no text", "{\"__metadata__\":{\"a\":1}}", "the number 1");
        add("nested", std::string(100000, '['), "holds an array");
        add("nested objects", "{\"a\":{\"dtype\":{\"x\":{}}}}", "an object");
        add("invalid UTF-8", "{\"\xff\":" + goodEntry + "}", "isn't valid JSON");
    }

    void hostileFilesAreRefused()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, part);
        const TempFolder folder;
        const auto path = folder.write("hostile.safetensors", {bytes.constData(), static_cast<std::size_t>(bytes.size())});
        QVERIFY(refused(SafetensorsFile::open(path), Errc::Parse, part.toUtf8().constData()));
    }

    void hundredMegabytesOfJsonAreRefused()
    {
        const TempFolder folder;
        const auto path =
            folder.write("long.safetensors", safetensorsBytes("{\"a\":" + std::string(100'000'000, ' ') + goodEntry + "}", data16));
        QVERIFY(refused(SafetensorsFile::open(path), Errc::Parse, "100 MB"));
        const auto nearly = folder.write("nearly.safetensors", safetensorsBytes(std::string(99'000'000, '['), data16));
        QVERIFY(refused(SafetensorsFile::open(nearly), Errc::Parse, "holds an array"));
    }

    void unknownFormatsOfNumbersAreListed()
    {
        const TempFolder folder;
        const auto path = folder.write("a.safetensors", safetensorsBytes("{\"a\":" + entry("F3_NEW", "[9]", "[0,16]") + "}", data16));
        const auto file = SafetensorsFile::open(path);
        QVERIFY2(file.ok(), why(file));
        std::vector<float> out(9);
        QVERIFY(refused((*file)->readInto(0, out), Errc::Unsupported, "F3_NEW"));
    }

    void filesCutShortWhileOpenAreRefused()
    {
        const TempFolder folder;
        const std::vector<float> values(100'000, 1.0F);
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), {{"a", {100'000}, values}}).ok());
        const auto file = SafetensorsFile::open(folder.file("a.safetensors"));
        QVERIFY2(file.ok(), why(file));
        std::vector<float> out(values.size());
        QVERIFY((*file)->readInto(0, out).ok() && (*file)->raw("a").ok() && (*file)->checkWhole().ok());
        std::filesystem::resize_file(folder.file("a.safetensors"), 4096);
        QVERIFY(refused((*file)->readInto(0, out), Errc::Io, "cut short by another program"));
        QVERIFY(refused((*file)->raw("a"), Errc::Io, "cut short by another program"));
    }

    void filesReplacedWhileOpenStayReadable()
    {
        const TempFolder folder;
        const std::vector<float> ones(100, 1.0F);
        const std::vector<float> two(1, 2.0F);
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), {{"a", {100}, ones}}).ok());
        const auto file = SafetensorsFile::open(folder.file("a.safetensors"));
        QVERIFY2(file.ok(), why(file));
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), {{"a", {1}, two}}).ok()); // a new file of that name
        std::vector<float> out(100);
        QVERIFY((*file)->readInto(0, out).ok());
        QVERIFY(out == ones);
    }

    void missingFilesAndFoldersAreNamed()
    {
        const TempFolder folder;
        QVERIFY(refused(SafetensorsFile::open(folder.file("none.safetensors")), Errc::Io, "There is no file"));
        QVERIFY(refused(SafetensorsFile::open(folder.path()), Errc::Io, "is a folder"));
        QVERIFY(refused(SafetensorsFile::open("/dev/null"), Errc::Io, "not a file"));
    }
};

static const attnscope::tests::RegisterTest<TestSafetensors> registered("test_safetensors");

#include "test_safetensors.moc"
