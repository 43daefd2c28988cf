// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever a person drops: text, tensors, folders, and what is neither.
#include "core/inputs/open_input.h"
#include "core/inputs/text_file.h"
#include "support/files.h"
#include "support/register_test.h"
#include "test_paths.h"

using namespace attnscope;
using namespace attnscope::tests;

namespace {

std::filesystem::path goldenModel(const char* name) { return std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/model" / name; }

} // namespace

class TestOpenInput : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void contentDecidesNotTheName()
    {
        const TempFolder folder;
        const auto renamed = folder.write("tensors.dat", readAll(goldenIo("stored_hnd.npz")));
        const auto document = openInput(renamed);
        QVERIFY2(document.ok(), why(document));
        QCOMPARE((*document)->info().heads, Index(2));
        QCOMPARE(*inputKind(folder.write("notes", "plain words")), InputKind::Text);
        QCOMPARE(*inputKind(folder.write("x.safetensors", readAll(goldenIo("mixed.safetensors")))), InputKind::Tensors);
        QCOMPARE(*inputKind(goldenModel("llama")), InputKind::ModelFolder);
    }

    void textGoesThroughTheModel()
    {
        const TempFolder folder;
        const auto path = folder.write("whale.txt", "\xef\xbb\xbfThe whale swam.");
        OpenOptions options;
        options.modelFolder = goldenModel("llama");
        const auto document = openInput(path, options);
        QVERIFY2(document.ok(), why(document));
        QCOMPARE((*document)->info().title, std::string("whale.txt"));
        QCOMPARE((*document)->info().origin, path.string());
        const auto plain = openInput(folder.write("plain.txt", "The whale swam."), options);
        QVERIFY(plain.ok());
        QVERIFY((*document)->info().tokens == (*plain)->info().tokens); // the byte order mark is no token
    }

    void unusableThingsAreNamed()
    {
        const TempFolder folder;
        QVERIFY(refused(openInput(folder.file("none.txt")), Errc::Io, "There is no file"));
        QVERIFY(refused(openInput(folder.write("empty.txt", "")), Errc::Parse, "is empty"));
        QVERIFY(refused(openInput(folder.write("empty.npy", "")), Errc::Parse, "is empty"));
        QVERIFY(refused(openInput(folder.path()), Errc::Unsupported, "no config.json"));
        QVERIFY(refused(openInput(goldenModel("llama")), Errc::Unsupported, "without a text"));
        QVERIFY(refused(openInput(folder.write("a.npy", "no array")), Errc::Parse, "isn't a NumPy array"));
        QVERIFY(refused(openInput(folder.write("a.npz", "no archive")), Errc::Parse, "no readable zip"));
        QVERIFY(refused(openInput(folder.write("a.safetensors", "no tensors here")), Errc::Parse, "claims a header"));
        QVERIFY(refused(openInput(folder.write("a.gguf", std::string("GGUF\3\0\0\0", 8))), Errc::Unsupported, ".gguf"));
        QVERIFY(refused(openInput(folder.write("a.pt", std::string("\x80\2}q\0.", 6))), Errc::Unsupported, "Python pickle"));
        const auto picture = openInput(folder.write("a.png", std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16)));
        QVERIFY(refused(picture, Errc::Unsupported, "neither text nor tensors"));
        QVERIFY(picture.error().hint.find(".safetensors, .npz, .npy") != std::string::npos);
    }

    void invalidUtf8IsLocated()
    {
        const TempFolder folder;
        QVERIFY(refused(openInput(folder.write("latin1.txt", "caf\xe9 au lait")), Errc::Parse, "offset 3"));
        QVERIFY(refused(readTextFile(folder.write("zero.txt", std::string("a\0b", 3))), Errc::Parse, "zero byte at offset 1"));
        QVERIFY(refused(readTextFile(folder.write("mark.txt", "\xef\xbb\xbf")), Errc::Parse, "is empty"));
    }

    void invalidSequencesAreFound_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<qint64>("at");
        QTest::newRow("ASCII") << QByteArray("plain") << qint64(-1);
        QTest::newRow("two, three and four bytes") << QByteArray("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8b") << qint64(-1);
        QTest::newRow("lone continuation") << QByteArray("a\x80") << qint64(1);
        QTest::newRow("overlong slash") << QByteArray("ab\xc0\xaf") << qint64(2);
        QTest::newRow("surrogate") << QByteArray("\xed\xa0\x80") << qint64(0);
        QTest::newRow("beyond U+10FFFF") << QByteArray("\xf4\x90\x80\x80") << qint64(0);
        QTest::newRow("cut at the end") << QByteArray("abc\xe2\x82") << qint64(3);
        QTest::newRow("0xff") << QByteArray("\xff") << qint64(0);
    }

    void invalidSequencesAreFound()
    {
        QFETCH(QByteArray, text);
        QFETCH(qint64, at);
        const auto found = findInvalidUtf8({text.constData(), static_cast<std::size_t>(text.size())});
        QCOMPARE(found == std::string_view::npos ? qint64(-1) : static_cast<qint64>(found), at);
    }
};

static const attnscope::tests::RegisterTest<TestOpenInput> registered("test_open_input");

#include "test_open_input.moc"
