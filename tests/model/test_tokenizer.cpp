// SPDX-License-Identifier: GPL-3.0-or-later
// Ids and offsets of one tokenizer of each family against the `tokenizers` library, on 1,200 lines of many languages.
#include "model/tokenizer_support.h"
#include "support/register_test.h"

#include <QTest>

#include <thread>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// The numbers of a one- or two-dimensional little-endian .npy file of version 1.
template <class T>
std::vector<T> readNumbers(const std::string& file)
{
    const std::string bytes = readAll(goldenTokenizer(file));
    const std::size_t header = 10 + static_cast<unsigned char>(bytes.at(8)) + 256 * static_cast<unsigned char>(bytes.at(9));
    std::vector<T> numbers((bytes.size() - header) / sizeof(T));
    std::memcpy(numbers.data(), bytes.data() + header, numbers.size() * sizeof(T));
    return numbers;
}

std::vector<std::string> lines()
{
    std::vector<std::string> all{""};
    for (const char c : readAll(goldenTokenizer("multilingual.txt"))) {
        if (c == '\n')
            all.emplace_back();
        else
            all.back() += c;
    }
    return all;
}

std::string joined(const std::vector<std::string>& all)
{
    std::string text;
    for (const std::string& line : all)
        text += (text.empty() && &line == &all.front() ? "" : "\n") + line;
    return text;
}

/// FNV-1a over little-endian 32-bit numbers, as make_golden.py hashes.
class Hash {
public:
    void add(std::uint32_t value)
    {
        for (int shift = 0; shift < 32; shift += 8)
            m_state = (m_state ^ ((value >> shift) & 0xFFU)) * 0x01000193U;
    }
    std::uint32_t value() const { return m_state; }

private:
    std::uint32_t m_state = 0x811C9DC5U;
};

std::uint32_t hashOfIds(const Encoding& encoding)
{
    Hash hash;
    for (const std::int32_t id : encoding.ids)
        hash.add(static_cast<std::uint32_t>(id));
    return hash.value();
}

std::uint32_t hashOfOffsets(const Encoding& encoding)
{
    Hash hash;
    for (const auto& [first, last] : encoding.offsets) {
        hash.add(static_cast<std::uint32_t>(first));
        hash.add(static_cast<std::uint32_t>(last));
    }
    return hash.value();
}

Tokenizer golden(const std::string& name)
{
    auto tokenizer = Tokenizer::load(goldenTokenizer(name + ".json"));
    if (!tokenizer)
        qFatal("%s", tokenizer.error().what.c_str());
    return std::move(*tokenizer);
}

} // namespace

class TestTokenizer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyFamilyEqualsTheReference_data()
    {
        QTest::addColumn<QString>("name");
        for (const char* name : {"bert", "bert_cased", "gpt2", "llama2", "llama3", "mistral", "o200k", "qwen2", "roberta", "smollm2",
                                 "unigram", "words", "xlm_roberta"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }

    void everyFamilyEqualsTheReference()
    {
        QFETCH(QString, name);
        const Tokenizer tokenizer = golden(name.toStdString());
        const auto hashes = readNumbers<std::uint32_t>(name.toStdString() + ".hashes.npy");
        const auto texts = lines();
        QVERIFY(texts.size() >= 1000);
        QCOMPARE(hashes.size(), 2 * (texts.size() + 1));
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto encoding = tokenizer.encode(texts[i], true);
            QVERIFY(encoding.ok());
            QVERIFY2(hashOfIds(*encoding) == hashes[2 * i], qPrintable(QStringLiteral("ids of line %1").arg(i + 1)));
            QVERIFY2(hashOfOffsets(*encoding) == hashes[2 * i + 1], qPrintable(QStringLiteral("offsets of line %1").arg(i + 1)));
        }
        const auto whole = tokenizer.encode(joined(texts), false);
        QVERIFY(whole.ok());
        QCOMPARE(hashOfIds(*whole), hashes[2 * texts.size()]);
        QCOMPARE(hashOfOffsets(*whole), hashes[2 * texts.size() + 1]);
    }

    void firstLinesEqualIdById_data() { everyFamilyEqualsTheReference_data(); }

    void firstLinesEqualIdById()
    {
        QFETCH(QString, name);
        const Tokenizer tokenizer = golden(name.toStdString());
        std::vector<std::int32_t> ids;
        const auto texts = lines();
        for (std::size_t i = 0; i < 60; ++i) {
            const auto encoding = tokenizer.encode(texts[i], true);
            QVERIFY(encoding.ok());
            ids.insert(ids.end(), encoding->ids.begin(), encoding->ids.end());
        }
        const auto expected = readNumbers<std::uint16_t>(name.toStdString() + ".ids.npy");
        QVERIFY(expected.size() > 500);
        QCOMPARE(ids, std::vector<std::int32_t>(expected.begin(), expected.end()));
    }

    void tokensAreTheVocabularysSpellings()
    {
        const Tokenizer tokenizer = golden("bert");
        const auto encoding = tokenizer.encode("The heron [MASK]", true);
        QVERIFY(encoding.ok());
        QCOMPARE(encoding->tokens.size(), encoding->ids.size());
        QCOMPARE(encoding->tokens.front(), std::string("[CLS]"));
        QCOMPARE(encoding->tokens.back(), std::string("[SEP]"));
        QCOMPARE(encoding->tokens[encoding->tokens.size() - 2], std::string("[MASK]"));
        for (std::size_t i = 0; i < encoding->ids.size(); ++i)
            QCOMPARE(tokenizer.id(encoding->tokens[i]), std::optional<Index>(encoding->ids[i]));
        QCOMPARE(encoding->offsets.front(), (std::pair<Index, Index>(0, 0)));
    }

    void offsetsOfByteLevelTokensCoverTheText()
    {
        const Tokenizer tokenizer = golden("gpt2");
        for (const std::string& text : lines()) {
            const auto encoding = tokenizer.encode(text, false);
            QVERIFY(encoding.ok());
            Index covered = 0;
            for (const auto& [first, last] : encoding->offsets) {
                QVERIFY(first <= covered && last >= covered && first < last);
                covered = last;
            }
            QCOMPARE(covered, static_cast<Index>(text.size()));
        }
    }

    void specialTokensOnlyWhenAsked()
    {
        const Tokenizer tokenizer = golden("llama2");
        QCOMPARE(tokenizer.encode("a", true)->ids.front(), 1);
        QVERIFY(tokenizer.encode("a", false)->ids.front() != 1);
        QCOMPARE(tokenizer.encode("", true)->ids, std::vector<std::int32_t>{1});
        QVERIFY(tokenizer.encode("", false)->ids.empty());
    }

    void everyIdHasALabel()
    {
        for (const char* name : {"gpt2", "llama2", "bert", "unigram"}) {
            const Tokenizer tokenizer = golden(name);
            QVERIFY(tokenizer.vocabularySize() > 500);
            for (Index id = 0; id < tokenizer.vocabularySize(); ++id) {
                const std::string label = tokenizer.label(id);
                QVERIFY(!label.empty());
                const QString read = QString::fromStdString('x' + label); // the x keeps a byte order mark from being dropped
                QVERIFY(read.toStdString() == 'x' + label);
                QVERIFY(label.find(' ') == std::string::npos && label.find('\n') == std::string::npos);
            }
        }
        QCOMPARE(golden("gpt2").label(123456), std::string("#123456"));
        QCOMPARE(golden("gpt2").label(-1), std::string("#-1"));
    }

    void threadsShareOneTokenizer()
    {
        const Tokenizer tokenizer = golden("llama3");
        const auto texts = lines();
        const auto expected = hashOfIds(*tokenizer.encode(joined(texts), false));
        std::vector<std::uint32_t> found(4);
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < found.size(); ++i)
                threads.emplace_back([&, i] { found[i] = hashOfIds(*tokenizer.encode(joined(texts), false)); });
        }
        QCOMPARE(found, std::vector<std::uint32_t>(4, expected));
    }

    void aStopIsHeard()
    {
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto encoding = golden("gpt2").encode(joined(lines()), false, context);
        QVERIFY(!encoding.ok());
        QCOMPARE(encoding.error().code, Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestTokenizer> registered("test_tokenizer");

#include "test_tokenizer.moc"
