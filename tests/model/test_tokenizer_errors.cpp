// SPDX-License-Identifier: GPL-3.0-or-later
// Damaged, hostile and unknown tokenizer files: one sentence and a hint each, and never a crash.
#include "model/tokenizer_support.h"
#include "support/register_test.h"

#include <QTest>

#include <random>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

using Json = nlohmann::json;

Result<Tokenizer> parsed(const Json& json) { return Tokenizer::parse(json.dump()); }

Json with(const char* part, const Json& value)
{
    auto json = pieceTokenizer();
    json[part] = value;
    return json;
}

/// Replaces one value somewhere in the file by another kind of value, or removes it.
void mutate(Json& json, std::mt19937& random)
{
    static const std::vector<Json> strange{nullptr,
                                           true,
                                           -1,
                                           1e300,
                                           18446744073709551615ULL,
                                           "",
                                           "x",
                                           "\u2581",
                                           "[",
                                           "(?<a",
                                           "(a+)+$",
                                           Json::array(),
                                           Json::object(),
                                           {1, 2, 3},
                                           {{"type", "Sequence"}}};
    Json* at = &json;
    while (at->is_structured() && !at->empty() && random() % 8 != 0) {
        auto next = at->begin();
        std::advance(next, static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(at->size(), 40)));
        at = &*next;
    }
    *at = strange[random() % strange.size()];
}

} // namespace

class TestTokenizerErrors : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void unknownComponentsAreNamed()
    {
        QVERIFY(refused(parsed(with("normalizer", {{"type", "Sparkle"}})), Errc::Unsupported,
                        "This tokenizer uses the normalizer \"Sparkle\", which Attnscope doesn't know."));
        QVERIFY(refused(parsed(with("pre_tokenizer", {{"type", "UnicodeScripts"}})), Errc::Unsupported,
                        "the pre-tokenizer \"UnicodeScripts\""));
        QVERIFY(refused(parsed(with("post_processor", {{"type", "Glue"}})), Errc::Unsupported, "the post-processor \"Glue\""));
        QVERIFY(refused(parsed(with("model", {{"type", "Morpheme"}})), Errc::Unsupported, "the model \"Morpheme\""));
    }

    void filesThatCannotBeRead()
    {
        const TempFolder folder;
        QVERIFY(refused(Tokenizer::load(folder.file("none.json")), Errc::Io, "no tokenizer file"));
        QVERIFY(refused(Tokenizer::load(folder.path()), Errc::Io, "no tokenizer file"));
        QVERIFY(refused(Tokenizer::load(folder.write("empty.json", "")), Errc::Parse, "not valid JSON"));
        QVERIFY(refused(Tokenizer::load(folder.write("cut.json", "{\"model\": {\"type\": \"BPE\", \"vo")), Errc::Parse, "not valid JSON"));
        QVERIFY(refused(Tokenizer::load(folder.write("list.json", "[1, 2]")), Errc::Parse, "not valid JSON"));
        QVERIFY(refused(Tokenizer::load(folder.write("other.json", "{\"a\": 1}")), Errc::Parse, "\"model\" is missing"));
        QVERIFY(Tokenizer::load(folder.write("empty.json", "")).error().hint.find("empty.json") != std::string::npos);
    }

    void modelsThatContradictThemselves()
    {
        QVERIFY(
            refused(parsed(with("model", {{"type", "BPE"}, {"merges", Json::array()}})), Errc::Parse, "\"model.vocab\" is not an object"));
        QVERIFY(refused(parsed(with("model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}})), Errc::Parse, "\"model.merges\" is not a list"));
        QVERIFY(refused(parsed(with("model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", {"a b"}}})), Errc::Parse, "names \"b\""));
        QVERIFY(refused(parsed(with("model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", {"a a"}}})), Errc::Parse, "names \"aa\""));
        QVERIFY(
            refused(parsed(with("model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", {"aa"}}})), Errc::Parse, "not two tokens"));
        QVERIFY(refused(parsed(with("model", {{"type", "BPE"}, {"vocab", {{"a", 1e15}}}, {"merges", Json::array()}})), Errc::Parse,
                        "whole number"));
        QVERIFY(refused(parsed(with("model", {{"type", "BPE"}, {"vocab", {{"a", 4294967296ULL}}}, {"merges", Json::array()}})), Errc::Parse,
                        "outside"));
        QVERIFY(refused(parsed(with("model", {{"type", "Unigram"}, {"vocab", Json::array()}})), Errc::Parse, "empty"));
        QVERIFY(refused(parsed(with("model", {{"type", "Unigram"}, {"vocab", Json::parse("[[\"a\", 0.5]]")}, {"unk_id", 1}})), Errc::Parse,
                        "outside 0 to 0"));
        QVERIFY(refused(parsed(with("model", {{"type", "Unigram"}, {"vocab", Json::parse("[[\"a\"]]")}})), Errc::Parse,
                        "not a token and its score"));
    }

    void patternsThatCannotBeUsed()
    {
        const auto split = [](const char* pattern) {
            return with("pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}});
        };
        for (const char* pattern : {"(a", "[a", "\\", "[[a]", "a{2", "(?<=a*)b", "\\p{Nothing}", "\\C", "[a&&", "\\X"}) {
            const auto tokenizer = parsed(split(pattern));
            if (std::string(pattern) == "a{2") // a literal brace
                QVERIFY(tokenizer.ok());
            else
                QVERIFY(refused(tokenizer, Errc::Unsupported, "can't be used"));
        }
        const auto costly = parsed(split("(a+)+\\z"));
        QVERIFY(costly.ok());
        QVERIFY(refused(costly->encode(std::string(64, 'a') + "b", false), Errc::Unsupported, "takes too long"));
    }

    void textsThatAreNotUtf8()
    {
        const Tokenizer tokenizer = made(pieceTokenizer());
        QVERIFY(refused(tokenizer.encode("ab\xff", false), Errc::Parse, "byte 2 "));
        QVERIFY(refused(tokenizer.encode("\xc0\x80", false), Errc::Parse, "byte 0 "));
        QVERIFY(refused(tokenizer.encode("a\xed\xa0\x80", false), Errc::Parse, "byte 1 "));
        QVERIFY(refused(tokenizer.encode("abc\xe2\x82", false), Errc::Parse, "byte 3 "));
        QVERIFY(tokenizer.encode(std::string("a\0b", 3), false).ok());
    }

    void deepNestingIsRefused()
    {
        Json nested = {{"type", "NFC"}};
        for (int i = 0; i < 50; ++i)
            nested = {{"type", "Sequence"}, {"normalizers", Json::array({nested})}};
        QVERIFY(refused(parsed(with("normalizer", nested)), Errc::Parse, "nested too deeply"));
        QVERIFY(refused(Tokenizer::parse(std::string(200000, '[')), Errc::Parse, "not valid JSON"));
        QVERIFY(
            refused(Tokenizer::parse("{\"model\":" + std::string(200000, '[') + std::string(200000, ']') + "}"), Errc::Parse, "missing"));
    }

    void rulesThatGrowWithoutEndAreStopped()
    {
        const Json doubling = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
        const auto often = parsed(with("normalizer", {{"type", "Sequence"}, {"normalizers", std::vector<Json>(60, doubling)}}));
        QVERIFY(often.ok());
        QVERIFY(refused(often->encode("a", false), Errc::Unsupported, "grow"));
        const Json huge = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(1 << 20, 'b')}};
        const auto once = parsed(with("normalizer", huge));
        QVERIFY(once.ok());
        QVERIFY(refused(once->encode(std::string(10000, 'a'), false), Errc::Unsupported, "grow"));
        const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"use_regex", false}};
        const auto letters = parsed(with("pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", std::vector<Json>(60, bytes)}}));
        QVERIFY(letters.ok());
        QVERIFY(refused(letters->encode("\u00e9", false), Errc::Unsupported, "grow"));
        const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
        QVERIFY(refused(parsed(with("post_processor", {{"type", "TemplateProcessing"}, {"single", {text, text}}})), Errc::Parse,
                        "repeats the text"));
    }

    void manySpacesTakeLinearTime()
    {
        auto json = pieceTokenizer();
        json["added_tokens"] = {{{"id", 1}, {"content", " "}, {"special", true}, {"lstrip", true}, {"rstrip", true}}};
        const auto encoding = made(json).encode(std::string(300000, ' ') + "x", false);
        QVERIFY(encoding.ok());
        QCOMPARE(encoding->ids, (std::vector<std::int32_t>{1, 0}));
    }

    void damagedCharacterMaps()
    {
        for (const char* map : {"", "!!!!", "AAAA", "/////wAAAAA=", "BAAAAP////8=", "CAAAAAAAAAAAAAAA"}) {
            const auto tokenizer = parsed(with("normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", map}}));
            if (tokenizer.ok())
                QVERIFY(tokenizer->encode("\u00e9a\ufb01", false).ok());
            else
                QVERIFY(refused(tokenizer, Errc::Parse, "character map"));
        }
    }

    void mutatedFilesNeverCrash_data()
    {
        QTest::addColumn<QString>("name");
        for (const char* name : {"bert", "llama3", "llama2", "xlm_roberta", "words", "roberta"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }

    void mutatedFilesNeverCrash()
    {
        QFETCH(QString, name);
        const Json original = Json::parse(readAll(goldenTokenizer(name.toStdString() + ".json")));
        const std::string text = readAll(goldenTokenizer("multilingual.txt")).substr(0, 2000);
        const std::string sample = text.substr(0, text.rfind('\n'));
        std::mt19937 random(7);
        int refusals = 0;
        for (int round = 0; round < 60; ++round) {
            Json json = original;
            for (auto changes = 1 + random() % 3; changes > 0; --changes)
                mutate(json, random);
            const auto tokenizer = parsed(json);
            const auto encoding = tokenizer.ok() ? tokenizer->encode(sample, true) : Result<Encoding>(tokenizer.error());
            if (encoding.ok()) {
                QCOMPARE(encoding->ids.size(), encoding->offsets.size());
                for (const auto& [first, last] : encoding->offsets)
                    QVERIFY(0 <= first && first <= last && last <= static_cast<Index>(sample.size()));
                continue;
            }
            ++refusals;
            QVERIFY(encoding.error().what.size() > 10 && encoding.error().what.ends_with('.') && encoding.error().hint.size() > 10);
        }
        QVERIFY(refusals > 5);
    }
};

static const attnscope::tests::RegisterTest<TestTokenizerErrors> registered("test_tokenizer_errors");

#include "test_tokenizer_errors.moc"
