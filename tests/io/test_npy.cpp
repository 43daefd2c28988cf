// SPDX-License-Identifier: GPL-3.0-or-later
// .npy files that numpy wrote, files of ours, and files that must be refused.
#include "core/io/npy.h"
#include "support/files.h"
#include "support/register_test.h"

using namespace attnscope;
using namespace attnscope::tests;

namespace {

std::string npyBytes(const std::string& dict, const std::string& data)
{
    std::string bytes = "\x93NUMPY";
    bytes += '\1';
    bytes += '\0';
    bytes += static_cast<char>(dict.size() & 0xff);
    bytes += static_cast<char>(dict.size() >> 8);
    return bytes + dict + data;
}

} // namespace

class TestNpy : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsWhatNumpyWrote_data()
    {
        QTest::addColumn<QString>("dtype");
        QTest::addColumn<int>("rank");
        QTest::newRow("f2.npy") << "float16" << 3;
        QTest::newRow("f4.npy") << "float32" << 3;
        QTest::newRow("f8.npy") << "float64" << 3;
        QTest::newRow("fortran_f8.npy") << "float64" << 3;
        QTest::newRow("fortran_4d_f2.npy") << "float16" << 4;
        QTest::newRow("big_endian_f4.npy") << "float32" << 3;
        QTest::newRow("big_endian_f8.npy") << "float64" << 3;
        QTest::newRow("bfloat16_void.npy") << "bfloat16" << 3;
        QTest::newRow("version2.npy") << "float32" << 3;
        QTest::newRow("version3.npy") << "float32" << 3;
        QTest::newRow("vector.npy") << "float32" << 1;
        QTest::newRow("scalar.npy") << "float32" << 0;
    }

    void readsWhatNumpyWrote()
    {
        QFETCH(QString, dtype);
        QFETCH(int, rank);
        const auto file = openArrays(goldenIo(QTest::currentDataTag()));
        QVERIFY2(file.ok(), why(file));
        const auto& info = (*file)->arrays().front();
        QCOMPARE(QString::fromStdString(info.dtypeName), dtype);
        QCOMPARE(int(info.shape.size()), rank);
        QVERIFY(holdsGolden(**file, 0));
    }

    void uint16IsBfloat16OnlyWhenToldSo()
    {
        const auto file = openNpy(goldenIo("bfloat16_uint16.npy"), {true});
        QVERIFY2(file.ok(), why(file));
        QVERIFY(holdsGolden(**file, 0));
        const auto plain = openNpy(goldenIo("bfloat16_uint16.npy"));
        QVERIFY(plain.ok());
        std::vector<float> out(60);
        QVERIFY(refused((*plain)->readInto(0, out), Errc::Unsupported, "uint16"));
    }

    void writesWhatItReads()
    {
        const TempFolder folder;
        for (const std::vector<Index>& shape : {std::vector<Index>{}, {7}, {2, 3}, {2, 3, 4}, {2, 1, 3, 4}, {0, 4}}) {
            std::vector<float> values(static_cast<std::size_t>(ArrayInfo{"", shape, DType::F32, ""}.size()));
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] = goldenValue(static_cast<Index>(i));
            QVERIFY(writeNpy(folder.file("a.npy"), shape, values).ok());
            const auto file = openArrays(folder.file("a.npy"));
            QVERIFY2(file.ok(), why(file));
            QVERIFY((*file)->arrays().front().shape == shape);
            QVERIFY(holdsGolden(**file, 0));
            QCOMPARE((readAll(folder.file("a.npy")).size() - values.size() * 4) % 64, std::size_t(0));
        }
    }

    void aWriterThatIsNotFedLeavesNothing()
    {
        const TempFolder folder;
        auto writer = NpyWriter::create(folder.file("a.npy"), {2, 3});
        QVERIFY(writer.ok());
        const std::vector<float> row(3, 1.0F);
        QVERIFY(writer->write(row).ok());
        QVERIFY(refused(writer->commit(), Errc::InvalidShape, "[2, 3]"));
        QVERIFY(!std::filesystem::exists(folder.file("a.npy")));
    }

    void pickleIsRefusedByName()
    {
        const auto file = openArrays(goldenIo("object.npy"));
        QVERIFY(file.ok());
        std::vector<float> out(2);
        QVERIFY(refused((*file)->readInto(0, out), Errc::Unsupported, "Python pickle"));
    }

    void otherDTypesAreNamed()
    {
        std::vector<float> out(6);
        const auto integers = openArrays(goldenIo("int64.npy"));
        QVERIFY(integers.ok());
        QVERIFY(refused((*integers)->readInto(0, out), Errc::Unsupported, "int64"));
        const auto records = openArrays(goldenIo("structured.npy"));
        QVERIFY(records.ok());
        QVERIFY(refused((*records)->readInto(0, out), Errc::Unsupported, "structured"));
    }

    void brokenFilesAreRefused_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("part");
        const auto add = [](const char* name, const std::string& bytes, const char* part) {
            QTest::newRow(name) << QByteArray(bytes.data(), static_cast<qsizetype>(bytes.size())) << QString(part);
        };
        const std::string good = npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", std::string(16, '\0'));
        add("empty", "", "isn't a NumPy array");
        add("text", "hello, this is no array", "isn't a NumPy array");
        add("cut in the magic", good.substr(0, 7), "isn't a NumPy array");
        add("cut in the header", good.substr(0, 40), "inside its header");
        add("cut in the data", good.substr(0, good.size() - 1), "only 15");
        add("version 9", "\x93NUMPY\x09" + good.substr(7), "version 9");
        add("petabytes", npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000, 1000), }", "abcd"),
            "promises 4000000000000000");
        add("petabytes in columns", npyBytes("{'descr': '<f4', 'fortran_order': True, 'shape': (1000000, 1000000, 1000), }", "abcd"),
            "promises 4000");
        add("overflow", npyBytes("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }", ""),
            "any machine");
        add("negative size", npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }", ""), "can't be understood");
        add("no shape", npyBytes("{'descr': '<f4', 'fortran_order': False, }", ""), "can't be understood");
        add("code in the header", npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': exit(), }", ""), "can't be understood");
        add("unclosed", npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, ", ""), "can't be understood");
        add("unclosed list", npyBytes("{'descr': [('a', '<f4'), 'shape': (2, ", ""), "can't be understood");
        add("huge header", std::string("\x93NUMPY\2\0\xff\xff\xff\x7f", 12), "claims a header");
        std::string ones = "1";
        for (int i = 0; i < 99; ++i)
            ones += ", 1";
        add("many axes", npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (" + ones + "), }", "abcd"), "can't be understood");
    }

    void brokenFilesAreRefused()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, part);
        const TempFolder folder;
        const auto path = folder.write("broken.npy", {bytes.constData(), static_cast<std::size_t>(bytes.size())});
        QVERIFY(refused(openNpy(path), Errc::Parse, part.toUtf8().constData()));
    }

    void anyDamageIsRefusedOrRead()
    {
        const std::string good = readAll(goldenIo("fortran_f8.npy"));
        const TempFolder folder;
        for (std::size_t at = 0; at < 128; ++at) { // the header
            for (const char byte : {'\0', '9', '(', '\xff'}) {
                std::string bytes = good;
                bytes[at] = byte;
                const auto file = openNpy(folder.write("damaged.npy", bytes));
                if (file.ok() && (*file)->arrays().front().dtype != DType::Other) {
                    std::vector<float> out(static_cast<std::size_t>((*file)->arrays().front().size()));
                    QVERIFY((*file)->readInto(0, out).ok());
                    QVERIFY(out.size() <= 60);
                }
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestNpy> registered("test_npy");

#include "test_npy.moc"
