// SPDX-License-Identifier: GPL-3.0-or-later
// The rule by which heads and tokens are told apart, and its correction.
#include "core/inputs/layout.h"
#include "support/files.h"
#include "support/register_test.h"

#include <numeric>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

using Extents = std::vector<Index>;

LayoutReading readingOf(const Extents& q, const Extents& k, const Extents& v, Index tokens = 0)
{
    const auto reading = readLayout({q, k, v}, std::nullopt, tokens);
    return reading.ok() ? *reading : LayoutReading{Layout::ND, false, "refused", reading.error().what};
}

LayoutReading readingOf(const Extents& shape, Index tokens = 0) { return readingOf(shape, shape, shape, tokens); }

} // namespace

class TestLayout : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void twoAxesAreTokensAndWidth()
    {
        const auto reading = readingOf({100, 64});
        QCOMPARE(reading.layout, Layout::ND);
        QVERIFY(!reading.guessed);
        QCOMPARE(reading.explanation, std::string("q [100, 64] read as N, D"));
    }

    void headsUsuallyComeFirst()
    {
        const auto reading = readingOf({8, 1024, 64});
        QCOMPARE(reading.layout, Layout::HND);
        QVERIFY(reading.guessed);
        QCOMPARE(reading.explanation, std::string("q [8, 1024, 64] read as H, N, D"));
        QCOMPARE(readingOf({12, 5, 64}).layout, Layout::HND); // a short text
        QCOMPARE(readingOf({2, 12, 100, 64}).layout, Layout::BHND);
    }

    void aLongFirstAxisIsTheTokens()
    {
        QCOMPARE(readingOf({1024, 8, 64}).layout, Layout::NHD);
        QCOMPARE(readingOf({2, 100, 12, 64}).layout, Layout::BNHD);
        QCOMPARE(readingOf({2, 100, 12, 64}).explanation, std::string("q [2, 100, 12, 64] read as B, N, H, D"));
    }

    void knownTokensDecide()
    {
        QCOMPARE(readingOf({30, 8, 64}).layout, Layout::HND);
        QCOMPARE(readingOf({30, 8, 64}, 30).layout, Layout::NHD);
        QCOMPARE(readingOf({1024, 8, 64}, 8).layout, Layout::HND);
        QVERIFY(readingOf({30, 8, 64}, 30).reason.find("30 tokens") != std::string::npos);
    }

    void groupedHeadsDecide()
    {
        QCOMPARE(readingOf({32, 8, 64}, {32, 2, 64}, {32, 2, 64}).layout, Layout::NHD); // 8 heads share 2
        QCOMPARE(readingOf({32, 8, 64}, {4, 8, 64}, {4, 8, 64}).layout, Layout::HND);
        QCOMPARE(readingOf({8, 100, 64}, {8, 130, 64}, {8, 130, 64}).layout, Layout::HND); // cross-attention: 100 heads over 130 can't be
    }

    void correctionIsTaken()
    {
        const auto reading = readLayout({{30, 8, 64}, {30, 8, 64}, {30, 8, 64}}, Layout::NHD);
        QVERIFY(reading.ok());
        QCOMPARE(reading->layout, Layout::NHD);
        QVERIFY(!reading->guessed);
        QVERIFY(refused(readLayout({{30, 8, 64}, {30, 8, 64}, {30, 8, 64}}, Layout::BHND), Errc::InvalidShape, "BHND"));
        QVERIFY(refused(readLayout({{30, 8}, {30, 8}, {30, 8}}, Layout::NHD), Errc::InvalidShape, "NHD"));
    }

    void ranksMustAgree()
    {
        QVERIFY(refused(readLayout({{8}, {8}, {8}}), Errc::InvalidShape, "[8]"));
        QVERIFY(refused(readLayout({{8, 4}, {1, 8, 4}, {8, 4}}), Errc::InvalidShape, "[1, 8, 4]"));
        QVERIFY(refused(readLayout({{1, 1, 1, 8, 4}, {1, 1, 1, 8, 4}, {1, 1, 1, 8, 4}}), Errc::InvalidShape, "can't be read"));
    }

    void namesAreReadInEitherCase()
    {
        QCOMPARE(layoutNamed("bnhd"), std::optional(Layout::BNHD));
        QCOMPARE(layoutNamed("HND"), std::optional(Layout::HND));
        QCOMPARE(layoutNamed("DNH"), std::nullopt);
        for (const Layout layout : {Layout::ND, Layout::HND, Layout::NHD, Layout::BHND, Layout::BNHD})
            QCOMPARE(layoutNamed(nameOf(layout)), std::optional(layout));
    }

    void tokensFirstIsTransposed()
    {
        const Extents shape{2, 3, 4, 5}; // B, N, H, D
        std::vector<float> from(120);
        std::vector<float> to(120);
        std::iota(from.begin(), from.end(), 0.0F);
        copyAsBHND(Layout::BNHD, shape, from.data(), to.data());
        for (Index b = 0; b < 2; ++b)
            for (Index n = 0; n < 3; ++n)
                for (Index h = 0; h < 4; ++h)
                    for (Index d = 0; d < 5; ++d)
                        QCOMPARE(to[((b * 4 + h) * 3 + n) * 5 + d], from[((b * 3 + n) * 4 + h) * 5 + d]);
        copyAsBHND(Layout::BHND, shape, from.data(), to.data());
        QVERIFY(from == to);
    }
};

static const attnscope::tests::RegisterTest<TestLayout> registered("test_layout");

#include "test_layout.moc"
