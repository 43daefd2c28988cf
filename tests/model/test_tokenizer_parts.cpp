// SPDX-License-Identifier: GPL-3.0-or-later
// Single parts of a tokenizer: normalizers, pre-tokenizers, models, added tokens, post-processors and labels, each on small cases.
#include "model/tokenizer_support.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

using Json = nlohmann::json;
using Pieces = std::vector<std::string>;
using Ids = std::vector<std::int32_t>;

Pieces split(const char* behavior, bool invert = false)
{
    return cut({{"type", "Split"}, {"pattern", {{"String", "-"}}}, {"behavior", behavior}, {"invert", invert}}, "the-final--countdown");
}

Pieces byPattern(const std::string& pattern, const std::string& text)
{
    return cut({{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Removed"}, {"invert", true}}, text);
}

Json bpe(const Json& merges)
{
    return {{"model",
             {{"type", "BPE"},
              {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"bc", 4}, {"abc", 5}, {"?", 6}, {"cab", 7}}},
              {"merges", merges}}}};
}

} // namespace

class TestTokenizerParts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void normalForms()
    {
        QCOMPARE(normalized({{"type", "NFC"}}, "e\u0301 \u1112\u1161\u11ab"), std::string("\u00e9 \ud55c"));
        QCOMPARE(normalized({{"type", "NFD"}}, "\u00e9 \ud55c"), std::string("e\u0301 \u1112\u1161\u11ab"));
        QCOMPARE(normalized({{"type", "NFKC"}}, "\ufb01\u2460\uff21"), std::string("fi1A"));
        QCOMPARE(normalized({{"type", "NFKD"}}, "\u00bd\u1e9b\u0323"), std::string("1\u20442s\u0323\u0307"));
        QCOMPARE(normalized({{"type", "NFD"}}, "a\u0301\u0323"), std::string("a\u0323\u0301"));
        QCOMPARE(normalized({{"type", "NFC"}}, "a\u0301\u0323"), std::string("\u1ea1\u0301"));
    }

    void otherNormalizers()
    {
        QCOMPARE(normalized({{"type", "Lowercase"}}, "\u00c4B\u0130\u03a3"), std::string("\u00e4bi\u0307\u03c3"));
        QCOMPARE(normalized({{"type", "StripAccents"}}, "e\u0301a"), std::string("ea"));
        QCOMPARE(normalized({{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}}, " \u3000a "), std::string("a "));
        QCOMPARE(normalized({{"type", "Prepend"}, {"prepend", ">"}}, "a"), std::string(">a"));
        QCOMPARE(normalized({{"type", "Prepend"}, {"prepend", ">"}}, ""), std::string());
        QCOMPARE(normalized({{"type", "Replace"}, {"pattern", {{"Regex", "o+"}}}, {"content", "0"}}, "foo bo"), std::string("f0 b0"));
        QCOMPARE(normalized({{"type", "Nmt"}}, "a\u200bb\u0007c"), std::string("a bc"));
        QCOMPARE(normalized({{"type", "ByteLevel"}}, " \u00e9"), std::string("\u0120\u00c3\u00a9"));
        const Json bert = {{"type", "BertNormalizer"},
                           {"clean_text", true},
                           {"handle_chinese_chars", true},
                           {"strip_accents", nullptr},
                           {"lowercase", true}};
        QCOMPARE(normalized(bert, "\u00c9t\u00e9\u5b57\u0001\tX\u200d"), std::string("ete \u5b57  x"));
    }

    void offsetsSurviveNormalization()
    {
        auto json = pieceTokenizer();
        json["normalizer"] = {{"type", "Sequence"},
                              {"normalizers", {{{"type", "NFKD"}}, {{"type", "StripAccents"}}, {{"type", "Lowercase"}}}}};
        json["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
        const auto encoding = made(json).encode("\u00c9\u00c9 \ufb01 x", false);
        QVERIFY(encoding.ok());
        const std::vector<std::pair<Index, Index>> expected{{0, 4}, {5, 8}, {9, 10}};
        QCOMPARE(encoding->offsets, expected);
    }

    void splitBehaviors()
    {
        QCOMPARE(split("Removed"), (Pieces{"the", "final", "countdown"}));
        QCOMPARE(split("Isolated"), (Pieces{"the", "-", "final", "-", "-", "countdown"}));
        QCOMPARE(split("MergedWithPrevious"), (Pieces{"the-", "final-", "-", "countdown"}));
        QCOMPARE(split("MergedWithNext"), (Pieces{"the", "-final", "-", "-countdown"}));
        QCOMPARE(split("Contiguous"), (Pieces{"the", "-", "final", "--", "countdown"}));
        QCOMPARE(split("Removed", true), (Pieces{"-", "-", "-"}));
    }

    void preTokenizers()
    {
        QCOMPARE(cut({{"type", "Whitespace"}}, "Hey, you_2  \u20ac!"), (Pieces{"Hey", ",", "you_2", "\u20ac!"}));
        QCOMPARE(cut({{"type", "BertPreTokenizer"}}, "Hey, you\u3002a$b"), (Pieces{"Hey", ",", "you", "\u3002", "a", "$", "b"}));
        QCOMPARE(cut({{"type", "Digits"}, {"individual_digits", true}}, "a12"), (Pieces{"a", "1", "2"}));
        QCOMPARE(cut({{"type", "Digits"}, {"individual_digits", false}}, "a12b"), (Pieces{"a", "12", "b"}));
        QCOMPARE(cut({{"type", "CharDelimiterSplit"}, {"delimiter", "\u00b7"}}, "a\u00b7b"), (Pieces{"a", "b"}));
        QCOMPARE(cut({{"type", "FixedLength"}, {"length", 2}}, "\u00e9\u00e9abc"), (Pieces{"\u00e9\u00e9", "ab", "c"}));
        QCOMPARE(cut({{"type", "ByteLevel"}, {"add_prefix_space", false}}, "I'm  here"), (Pieces{"I", "'m", " ", " here"}));
        QCOMPARE(cut({{"type", "Metaspace"}, {"replacement", "\u2581"}}, "a  bc"), (Pieces{"a", " ", " bc"}));
    }

    void patternsMeanWhatOnigurumaMeans()
    {
        QCOMPARE(byPattern("\\d{1,2}+", "12345 6"), (Pieces{"12345", "6"})); // repeated, not possessive
        QCOMPARE(byPattern("[\\p{L}&&[^aeiou]]+", "banana split"), (Pieces{"b", "n", "n", "spl", "t"}));
        QCOMPARE(byPattern("[a[xy]]+", "axbyz"), (Pieces{"ax", "y"}));
        QCOMPARE(byPattern("\\h+", "beef-soup"), (Pieces{"beef"})); // hexadecimal digits
        QCOMPARE(byPattern("\\s", "a\u180eb\u0085c"), (Pieces{"\u0085"}));
        QCOMPARE(byPattern("\\w+", "e\u0301_1 \u00b2"), (Pieces{"e\u0301_1", "\u00b2"}));
        QCOMPARE(byPattern("[\\w]+", "a\u00b2"), (Pieces{"a"}));
        QCOMPARE(byPattern("[^\\W\\d]+", "ab12_c"), (Pieces{"ab", "_c"}));
        QCOMPARE(byPattern("\\p{Han}+", "\u5b57\u30fc\u5b57"), (Pieces{"\u5b57", "\u5b57"})); // by script, not by its extensions
        QCOMPARE(byPattern("(?i:'LL)|\\p{^L}", "we'll"), (Pieces{"'ll"}));
        QCOMPARE(byPattern("(?m:a.b)", "a\nb"), (Pieces{"a\nb"}));
        QCOMPARE(byPattern("x{,2}y", "xxxy"), (Pieces{"xxy"}));
    }

    void byteLevelAddsTheFirstSpace()
    {
        auto json = pieceTokenizer();
        json["model"]["vocab"] = {{"?", 0}, {"\u0120a", 1}};
        json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
        QCOMPARE(made(json).encode("a a", false)->ids, (Ids{1, 1}));
        json["pre_tokenizer"]["add_prefix_space"] = false;
        QCOMPARE(made(json).encode("a a", false)->ids, (Ids{0, 1}));
    }

    void metaspaceSchemes()
    {
        auto json = pieceTokenizer();
        json["model"]["vocab"] = {{"?", 0}, {"\u2581a", 1}};
        json["added_tokens"] = {{{"id", 2}, {"content", "<x>"}, {"special", true}}};
        json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}};
        QCOMPARE(made(json).encode("a<x>a", false)->ids, (Ids{1, 2, 1}));
        json["pre_tokenizer"]["prepend_scheme"] = "first";
        QCOMPARE(made(json).encode("a<x>a", false)->ids, (Ids{1, 2, 0}));
        json["pre_tokenizer"]["prepend_scheme"] = "never";
        QCOMPARE(made(json).encode("a<x>a", false)->ids, (Ids{0, 2, 0}));
    }

    void mergesInBothSpellings()
    {
        for (const Json& merges :
             {Json::parse(R"(["b c", "a b", "a bc", "c ab"])"), Json::parse(R"([["b", "c"], ["a", "b"], ["a", "bc"], ["c", "ab"]])")}) {
            const Tokenizer tokenizer = made(bpe(merges));
            QCOMPARE(tokenizer.encode("abc", false)->ids, (Ids{5}));
            QCOMPARE(tokenizer.encode("cab", false)->ids, (Ids{7}));
            QCOMPARE(tokenizer.encode("abab", false)->ids, (Ids{3, 3}));
            QCOMPARE(tokenizer.encode("axb", false)->ids, (Ids{3})); // no token for the unknown: dropped, as the library does
        }
    }

    void unknownCharactersOfBpe()
    {
        auto json = bpe({"a b"});
        json["model"]["unk_token"] = "?";
        QCOMPARE(made(json).encode("axyb", false)->ids, (Ids{0, 6, 6, 1}));
        json["model"]["fuse_unk"] = true;
        const auto fused = made(json).encode("ax\u00e9b", false);
        QCOMPARE(fused->ids, (Ids{0, 6, 1}));
        QCOMPARE(fused->offsets[1], (std::pair<Index, Index>(1, 4)));
        json["model"]["unk_token"] = "absent";
        QVERIFY(refused(made(json).encode("x", false), Errc::Unsupported, "no token for \"x\""));
    }

    void ignoreMergesTakesWholeWords()
    {
        auto json = bpe(Json::array());
        QCOMPARE(made(json).encode("cab", false)->ids, (Ids{2, 0, 1}));
        json["model"]["ignore_merges"] = true;
        QCOMPARE(made(json).encode("cab", false)->ids, (Ids{7}));
    }

    void wordPieceTakesTheLongest()
    {
        Json json = {{"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                     {"model",
                      {{"type", "WordPiece"},
                       {"vocab", {{"[UNK]", 0}, {"un", 1}, {"una", 2}, {"##able", 3}, {"##ble", 4}}},
                       {"unk_token", "[UNK]"},
                       {"continuing_subword_prefix", "##"},
                       {"max_input_chars_per_word", 6}}}};
        QCOMPARE(made(json).encode("unable", false)->ids, (Ids{2, 4}));
        QCOMPARE(made(json).encode("unablex un", false)->ids, (Ids{0, 1}));
    }

    void unigramTakesTheBestSum()
    {
        Json json = Json::parse(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1], ["b", -1.0], ["ab", -1.5],
                                                                                         ["ba", -0.1], ["<0xC3>", -9], ["<0xA9>", -9]]}})");
        QCOMPARE(made(json).encode("aba", false)->ids, (Ids{1, 4}));
        const auto unknown = made(json).encode("a\u00e9\u00e9b", false);
        QCOMPARE(unknown->ids, (Ids{1, 0, 2}));
        QCOMPARE(unknown->offsets[1], (std::pair<Index, Index>(1, 5)));
        json["model"]["byte_fallback"] = true;
        QCOMPARE(made(json).encode("\u00e9", false)->ids, (Ids{5, 6}));
        json["model"]["byte_fallback"] = false;
        json["model"]["unk_id"] = nullptr;
        QVERIFY(refused(made(json).encode("\u00e9", false), Errc::Unsupported, "no token for \"\u00e9\""));
    }

    void addedTokensComeFirst()
    {
        auto json = pieceTokenizer();
        json["normalizer"] = {{"type", "Lowercase"}};
        json["added_tokens"] = {{{"id", 1}, {"content", "<X>"}, {"special", true}},
                                {{"id", 2}, {"content", "<XY>"}, {"special", true}, {"lstrip", true}, {"rstrip", true}},
                                {{"id", 3}, {"content", "Day"}, {"normalized", true}},
                                {{"id", 4}, {"content", "cat"}, {"single_word", true}, {"normalized", true}}};
        const Tokenizer tokenizer = made(json);
        QCOMPARE(tokenizer.vocabularySize(), Index{5});
        QCOMPARE(tokenizer.encode("a<X>b", false)->ids, (Ids{0, 1, 0}));
        QCOMPARE(tokenizer.encode("<x>", false)->ids, (Ids{0}));
        QCOMPARE(tokenizer.encode("DAY", false)->ids, (Ids{3}));
        QCOMPARE(tokenizer.encode("cat, concat", false)->ids, (Ids{4, 0}));
        const auto stripped = tokenizer.encode("a \t<XY>\u3000b", false);
        QCOMPARE(stripped->ids, (Ids{0, 2, 0}));
        QCOMPARE(stripped->offsets[1], (std::pair<Index, Index>(1, 10)));
        QCOMPARE(stripped->tokens[1], std::string("<XY>"));
    }

    void postProcessors()
    {
        auto json = pieceTokenizer();
        json["post_processor"] = {{"type", "BertProcessing"}, {"cls", {"[CLS]", 7}}, {"sep", {"[SEP]", 8}}};
        QCOMPARE(made(json).encode("x", true)->ids, (Ids{7, 0, 8}));
        QCOMPARE(made(json).encode("x", false)->ids, (Ids{0}));
        json["post_processor"] = {
            {"type", "TemplateProcessing"},
            {"single", {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"pair", Json::array()},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {3, 4}}, {"tokens", {"<", "s>"}}}}}}};
        QCOMPARE(made(json).encode("x", true)->ids, (Ids{3, 4, 0}));
    }

    void labelsAreReadable()
    {
        auto json = pieceTokenizer();
        json["model"]["vocab"] = {{"?", 0}, {"\u0120the", 1}, {"\u010a", 2}, {"\u00e2\u0122", 3}, {"\u0109", 4}, {"\u0120\u0120", 5}};
        json["added_tokens"] = {{{"id", 6}, {"content", "<a b>"}, {"special", true}}};
        json["decoder"] = {{"type", "ByteLevel"}};
        const Tokenizer bytes = made(json);
        QCOMPARE(bytes.label(1), std::string("\u2423the"));
        QCOMPARE(bytes.label(2), std::string("\u21b5"));
        QCOMPARE(bytes.label(3), std::string("\\xE2\\x80"));
        QCOMPARE(bytes.label(4), std::string("\u2192"));
        QCOMPARE(bytes.label(5), std::string("\u2423\u2423"));
        QCOMPARE(bytes.label(6), std::string("<a\u2423b>"));
        json["decoder"] = nullptr;
        json["model"]["vocab"] = {{"?", 0}, {"\u2581caf\u00e9", 1}, {"##s", 2}};
        QCOMPARE(made(json).label(1), std::string("\u2423caf\u00e9"));
        QCOMPARE(made(json).label(2), std::string("##s"));
    }
};

static const attnscope::tests::RegisterTest<TestTokenizerParts> registered("test_tokenizer_parts");

#include "test_tokenizer_parts.moc"
