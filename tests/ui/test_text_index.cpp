// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens in their text: every character belongs to one, places are found in it, and labels stand in where there is no text.
#include "support/register_test.h"
#include "ui/text_index.h"

#include <QTest>

using namespace attnscope;

namespace {

DocumentInfo infoOf(const std::string& text, std::vector<std::pair<Index, Index>> bytes)
{
    DocumentInfo info;
    info.text = text;
    info.tokenBytes = std::move(bytes);
    info.tokens.assign(info.tokenBytes.size(), "x");
    info.length = static_cast<Index>(info.tokens.size());
    return info;
}

/// "<s>", "The", " whale", " and", " the", " whale", "."
DocumentInfo whales() { return infoOf("The whale and the Whale.", {{0, 0}, {0, 3}, {3, 9}, {9, 13}, {13, 17}, {17, 23}, {23, 24}}); }

} // namespace

class TestTextIndex : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyCharacterBelongsToAToken()
    {
        const TextIndex index(whales());
        QCOMPARE(index.length(), Index{7});
        QVERIFY(index.part(0).isEmpty()); // stands for no character
        QCOMPARE(index.part(2).toString(), QStringLiteral(" whale"));
        QString all;
        for (Index i = 0; i < index.length(); ++i)
            all += index.part(i);
        QCOMPARE(all, index.text());
        for (qsizetype i = 0; i < all.size(); ++i) {
            const Index token = index.tokenAt(i);
            QVERIFY(index.firstOf(token) <= i && i < index.lastOf(token));
        }
    }

    void countsCharactersBeyondAscii()
    {
        // "é" has two bytes, the whale four and two UTF-16 units; one token ends inside of it.
        const TextIndex index(infoOf("café 🐋!", {{0, 5}, {5, 8}, {8, 10}, {10, 11}}));
        QCOMPARE(index.part(0).toString(), QStringLiteral("café"));
        QCOMPARE(index.part(1).toString() + index.part(2).toString(), QStringLiteral(" 🐋"));
        QCOMPARE(index.part(3).toString(), QStringLiteral("!"));
        QCOMPARE(index.find(QStringLiteral("!"), true).front().firstToken, Index{3});
    }

    void findsEveryPlace()
    {
        const TextIndex index(whales());
        const auto any = index.find(QStringLiteral("whale"), false);
        QCOMPARE(any.size(), std::size_t{2});
        QCOMPARE(any[0].firstToken, Index{2});
        QCOMPARE(any[1].firstToken, Index{5});
        QCOMPARE(index.find(QStringLiteral("whale"), true).size(), std::size_t{1});
        const auto across = index.find(QStringLiteral("whale and"), true);
        QCOMPARE(across.front().firstToken, Index{2});
        QCOMPARE(across.front().lastToken, Index{3});
        QVERIFY(index.find(QStringLiteral("shark"), false).empty());
        QVERIFY(index.find(QString(), false).empty());
        QVERIFY(index.find(QStringLiteral("."), true).size() == 1); // literal, no pattern
    }

    void jumpsByNumberAndByWords()
    {
        const TextIndex index(whales());
        QCOMPARE(index.position(QStringLiteral("6"), 0), std::optional<Index>(6));
        QCOMPARE(index.position(QStringLiteral(" 0 "), 0), std::optional<Index>(0));
        QCOMPARE(index.position(QStringLiteral("7"), 0), std::nullopt);
        QCOMPARE(index.position(QStringLiteral("-1"), 0), std::nullopt);
        QCOMPARE(index.position(QStringLiteral("WHALE"), 0), std::optional<Index>(2));
        QCOMPARE(index.position(QStringLiteral("WHALE"), 2), std::optional<Index>(5));
        QCOMPARE(index.position(QStringLiteral("whale"), 5), std::optional<Index>(2)); // around the end
        QCOMPARE(index.position(QStringLiteral("shark"), 0), std::nullopt);
    }

    void labelsStandInForAText()
    {
        DocumentInfo info;
        info.tokens = {"The", "␣whale", "↵", "sang"};
        info.length = 4;
        const TextIndex joined(info);
        QCOMPARE(joined.text(), QStringLiteral("The whale\nsang"));
        QCOMPARE(joined.find(QStringLiteral("whale"), true).front().firstToken, Index{1});
        info.tokens = {"the", "whale", "sang", "on"};
        QCOMPARE(TextIndex(info).text(), QStringLiteral("the whale sang on"));
    }

    void tensorsHaveNoText()
    {
        DocumentInfo info;
        info.length = 50;
        const TextIndex index(info);
        QVERIFY(index.isEmpty());
        QVERIFY(index.find(QStringLiteral("a"), false).empty());
        QCOMPARE(index.position(QStringLiteral("49"), 0), std::optional<Index>(49));
        QCOMPARE(index.position(QStringLiteral("a"), 0), std::nullopt);
    }
};

static const attnscope::tests::RegisterTest<TestTextIndex> registered("test_text_index");

#include "test_text_index.moc"
