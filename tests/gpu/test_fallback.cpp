// SPDX-License-Identifier: GPL-3.0-or-later
// Where the card's memory ends, heads go in parts and then to the CPU; where the card is lost, to the CPU: never a crash, always a notice.
#include "core/backend.h"
#include "core/method/registry.h"
#include "gpu/fallback.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <algorithm>

using namespace attnscope;

namespace {

/// A card that runs on the CPU but holds so many query heads at most, or fails outright.
struct FakeCard {
    Index mostHeads = 0;
    Errc otherwise = Errc::OutOfMemory;
    int calls = 0;
    std::vector<std::pair<Index, Index>> firsts{}; ///< batch entries and heads where its parts begin

    Fallback::Card call()
    {
        return [this](const Inputs& part, HeadRef first, std::span<float> out) {
            firsts.emplace_back(first.batch, first.head);
            return run(part, out);
        };
    }

    Result<void> run(const Inputs& part, std::span<float> out)
    {
        ++calls;
        if (part.q.batch() * part.q.heads() > mostHeads)
            return Error{otherwise, "The card said no.", ""};
        const auto made = findMethod("softmax")->run(part, defaultParams({}), {});
        if (!made)
            return made.error();
        std::copy(made->values().begin(), made->values().end(), out.begin());
        return {};
    }
};

} // namespace

class TestFallback : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void takesPartsThenTheCpu_data()
    {
        QTest::addColumn<int>("mostHeads");
        QTest::addColumn<int>("calls");
        QTest::addColumn<int>("notices");
        QTest::newRow("all fits") << 12 << 1 << 0;
        QTest::newRow("one batch entry fits") << 6 << 1 + 2 << 1;
        QTest::newRow("one group of heads fits") << 2 << 1 + 1 + 6 << 1;
        QTest::newRow("nothing fits") << 1 << 1 + 1 + 1 << 2;
    }

    void takesPartsThenTheCpu()
    {
        QFETCH(int, mostHeads);
        QFETCH(int, calls);
        QFETCH(int, notices);
        std::vector<std::string> heard;
        setNoticeHandler([&heard](const std::string& sentence) { heard.push_back(sentence); });
        const auto data = tests::randomInputs({2, 6, 20, 20, 8, 5}, 3, 1.0F, 3);
        const auto inputs = data.inputs(false);
        const auto expected = findMethod("softmax")->run(inputs, defaultParams({}), {});
        FakeCard card{mostHeads};
        const auto out =
            runWithFallback(inputs, {"cuda:0", card.call(), [&] { return findMethod("softmax")->run(inputs, defaultParams({}), {}); }});
        setNoticeHandler({});
        QVERIFY(out.ok());
        QVERIFY(std::equal(out->values().begin(), out->values().end(), expected->values().begin()));
        QCOMPARE(card.calls, calls);
        QCOMPARE(static_cast<int>(heard.size()), notices);
    }

    void tellsWherePartsBegin()
    {
        const auto data = tests::randomInputs({2, 6, 9, 9, 4, 4}, 8, 1.0F, 3);
        FakeCard card{2};
        setNoticeHandler([](const std::string&) {});
        const auto out = runWithFallback(data.inputs(), {"cuda:0", card.call(), []() -> Result<Tensor> { return cancelledError(); }});
        setNoticeHandler({});
        QVERIFY(out.ok());
        const std::vector<std::pair<Index, Index>> expected{{0, 0}, {0, 0}, {0, 0}, {0, 2}, {0, 4}, {1, 0}, {1, 2}, {1, 4}};
        QVERIFY(card.firsts == expected);
    }

    void survivesALostCard()
    {
        const auto data = tests::randomInputs({1, 2, 9, 9, 4, 4}, 4);
        const auto inputs = data.inputs(true);
        FakeCard card{0, Errc::Device};
        const auto out =
            runWithFallback(inputs, {"cuda:0", card.call(), [&] { return findMethod("softmax")->run(inputs, defaultParams({}), {}); }});
        QVERIFY(out.ok());
        QCOMPARE(card.calls, 1);
    }

    void handsOtherErrorsBack()
    {
        const auto data = tests::randomInputs({1, 2, 9, 9, 4, 4}, 5);
        FakeCard card{0, Errc::Cancelled};
        const auto out = runWithFallback(data.inputs(), {"cuda:0", card.call(), []() -> Result<Tensor> { return cancelledError(); }});
        QVERIFY(!out.ok());
        QVERIFY(out.error().code == Errc::Cancelled);
    }

    void partsKeepTheirPlaceInTheLayer()
    {
        const auto data = tests::randomInputs({2, 6, 4, 4, 4, 4}, 6, 1.0F, 3);
        auto inputs = data.inputs();
        const auto part = headsOf(inputs, {1, 1, 2});
        QCOMPARE(part.q.heads(), Index{4});
        QCOMPARE(part.k.heads(), Index{2});
        QCOMPARE(part.firstHead, Index{2});
        QCOMPARE(part.headsOfLayer(), Index{6});
        QVERIFY(part.qOf({0, 0}).data == inputs.qOf({1, 2}).data);
        QVERIFY(part.vOf({0, 3}).data == inputs.vOf({1, 5}).data);
    }
};

static const attnscope::tests::RegisterTest<TestFallback> registered("test_fallback");

#include "test_fallback.moc"
