// SPDX-License-Identifier: GPL-3.0-or-later
// .npz files that numpy wrote, and archives that lie about what is in them.
#include "core/io/npz.h"
#include "support/files.h"
#include "support/register_test.h"

#include <zip.h>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// A zip with one deflated entry.
void writeZip(const std::filesystem::path& path, const char* name, const std::string& content)
{
    int code = 0;
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
    QVERIFY(archive != nullptr);
    zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    QVERIFY(zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) >= 0);
    QCOMPARE(zip_close(archive), 0);
}

std::string arrayOfZeros(Index count)
{
    return makeNpyHeader(std::vector<Index>{count}) + std::string(static_cast<std::size_t>(count) * 4, '\0');
}

void setUint32(std::string& bytes, std::size_t at, std::uint32_t value) { std::memcpy(bytes.data() + at, &value, sizeof(value)); }

} // namespace

class TestNpz : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsWhatNumpyWrote_data()
    {
        QTest::addColumn<QString>("dtype");
        QTest::newRow("stored_hnd.npz") << "float64";
        QTest::newRow("compressed_bhnd.npz") << "float16";
        QTest::newRow("compressed_fortran.npz") << "float32";
    }

    void readsWhatNumpyWrote()
    {
        QFETCH(QString, dtype);
        const auto file = openArrays(goldenIo(QTest::currentDataTag()));
        QVERIFY2(file.ok(), why(file));
        QCOMPARE((*file)->arrays().size(), std::size_t(3));
        for (int i = 0; i < 3; ++i) {
            QCOMPARE((*file)->arrays()[i].name, std::string(1, "qkv"[i]));
            QCOMPARE(QString::fromStdString((*file)->arrays()[i].dtypeName), dtype);
            QVERIFY(holdsGolden(**file, i, i));
        }
    }

    void pickleIsRefusedByNameAndTheRestIsRead()
    {
        const auto file = openArrays(goldenIo("pickled.npz"));
        QVERIFY2(file.ok(), why(file));
        std::vector<float> out(1);
        QVERIFY(refused((*file)->readInto(1, out), Errc::Unsupported, "Python pickle"));
        QVERIFY(holdsGolden(**file, 0));
    }

    void pytorchFilesAreNamed() { QVERIFY(refused(openArrays(goldenIo("pickle.pt")), Errc::Unsupported, "PyTorch")); }

    void zipBombIsRefused()
    {
        const TempFolder folder;
        writeZip(folder.file("bomb.npz"), "q.npy", arrayOfZeros(Index{1} << 25)); // 128 MiB of zeros in 130 kB
        QVERIFY(std::filesystem::file_size(folder.file("bomb.npz")) < 200000);
        QVERIFY(refused(openArrays(folder.file("bomb.npz")), Errc::Parse, "zip bomb"));
    }

    void headerThatPromisesMoreThanTheEntryIsRefused()
    {
        const TempFolder folder;
        writeZip(folder.file("a.npz"), "q.npy", makeNpyHeader(std::vector<Index>{1000000, 1000000, 1000}) + "abcd");
        QVERIFY(refused(openArrays(folder.file("a.npz")), Errc::Parse, "promises 4000000000000000"));
        writeZip(folder.file("b.npz"), "q.npy", makeNpyHeader(std::vector<Index>{1}) + "abcdefgh");
        QVERIFY(refused(openArrays(folder.file("b.npz")), Errc::Parse, "declares"));
    }

    void entryThatInflatesToAnotherLengthThanDeclaredIsRefused()
    {
        const TempFolder folder;
        writeZip(folder.file("a.npz"), "q.npy", arrayOfZeros(1000)); // 128 + 4000 bytes
        std::string bytes = readAll(folder.file("a.npz"));
        const std::uint32_t actual = 4128;
        const std::string honest(reinterpret_cast<const char*>(&actual), 4);
        int patched = 0;
        for (auto at = bytes.find(honest); at != std::string::npos; at = bytes.find(honest, at + 4), ++patched)
            setUint32(bytes, at, 128 + 400); // says 100 numbers
        QVERIFY(patched >= 2);               // local header and table of contents
        const auto file = openArrays(folder.write("lie.npz", bytes));
        QVERIFY(refused(file, Errc::Parse, "promises 4000 bytes of data while the archive declares 528"));
    }

    void flippedBitsAreNoticed()
    {
        std::string bytes = readAll(goldenIo("stored_hnd.npz"));
        bytes[400] = static_cast<char>(bytes[400] ^ 1); // inside the numbers of q
        const TempFolder folder;
        const auto file = openArrays(folder.write("flipped.npz", bytes));
        QVERIFY2(file.ok(), why(file));
        std::vector<float> out(48);
        QVERIFY(refused((*file)->readInto(0, out), Errc::Parse, "can't be unpacked"));
    }

    void anyDamageIsRefusedOrRead()
    {
        const std::string good = readAll(goldenIo("compressed_bhnd.npz"));
        const TempFolder folder;
        int refusals = 0;
        for (std::size_t at = 0; at < good.size(); ++at) {
            std::string bytes = good;
            bytes[at] = static_cast<char>(~bytes[at]);
            const auto file = openArrays(folder.write("damaged.npz", bytes));
            bool allRead = file.ok();
            for (std::size_t i = 0; file.ok() && i < (*file)->arrays().size(); ++i) {
                std::vector<float> out(static_cast<std::size_t>((*file)->arrays()[i].size()));
                allRead = (*file)->readInto(i, out).ok() && allRead;
            }
            refusals += allRead ? 0 : 1;
        }
        QVERIFY(refusals > static_cast<int>(good.size()) / 2);
    }

    void cutOffAndEmptyArchivesAreRefused()
    {
        const std::string good = readAll(goldenIo("compressed_bhnd.npz"));
        const TempFolder folder;
        QVERIFY(refused(openArrays(folder.write("cut.npz", good.substr(0, good.size() / 2))), Errc::Parse, "no readable zip"));
        QVERIFY(refused(openArrays(folder.write("empty.npz", "")), Errc::Parse, "is empty"));
        writeZip(folder.file("other.npz"), "readme.txt", "hello");
        QVERIFY(refused(openArrays(folder.file("other.npz")), Errc::Unsupported, "no NumPy arrays"));
    }
};

static const attnscope::tests::RegisterTest<TestNpz> registered("test_npz");

#include "test_npz.moc"
