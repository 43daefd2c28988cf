// SPDX-License-Identifier: GPL-3.0-or-later
// RG-LRU: its map in closed form, one map per channel and their mean, sums of rows, the first token, refusals.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("rg-lru"); }

Params with(std::vector<ParamText> given = {}) { return *makeParams(method().info().params, given); }

/// Gates of each token and channel.
Tensor gates(Index rows, Index cols, std::uint64_t seed, float least, float most)
{
    Tensor made(1, 1, rows, cols);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<float> uniform(least, most);
    std::generate(made.values().begin(), made.values().end(), [&] { return uniform(random); });
    return made;
}

} // namespace

class TestRgLru : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyChannelIsItsOwnRecurrence()
    {
        const auto data = randomInputs({1, 1, 150, 150, 4, 5}, 51);
        const Tensor g = gates(150, 5, 52, -0.5F, 0.0F);
        const Tensor beta = gates(150, 5, 53, 0.0F, 1.0F);
        auto in = data.inputs(true);
        in.arrays = {{"g", g.view()}, {"beta", beta.view()}};
        std::vector<double> mean(150 * 5, 0.0);
        for (Index c = 0; c < 5; ++c) {
            const auto out = method().run(in, with({{"channel", std::to_string(c + 1)}}), {});
            QVERIFY(out.ok());
            double h = 0.0;
            for (Index t = 0; t < 150; ++t) {
                const double a = std::exp(static_cast<double>(g.matrix()(t, c)));
                h = a * h + std::sqrt(1.0 - a * a) * static_cast<double>(beta.matrix()(t, c)) * data.v.matrix()(t, c);
                QVERIFY(std::abs(out->matrix()(t, c) - h) < 1e-5);
                for (Index other = 0; other < 5; ++other)
                    mean[static_cast<std::size_t>(5 * t + other)] += static_cast<double>(out->matrix()(t, other)) / 5.0;
            }
        }
        const auto out = method().run(in, with(), {});
        QVERIFY(out.ok());
        for (std::size_t i = 0; i < mean.size(); ++i)
            QVERIFY(std::abs(out->values()[i] - mean[i]) < 1e-5);
    }

    /// With beta = 1 and one decay the squares of a row sum to 1 - a^(2 (i + 1)): noise of size 1 stays of that size.
    void squaresOfARowSumToOne()
    {
        const auto data = randomInputs({1, 1, 400, 400, 4, 3}, 54);
        for (const char* g : {"-0.001", "-0.05", "-20"}) {
            const Tensor map = mapOf(method(), data.inputs(true), {}, with({{"g", g}}));
            for (Index i = 0; i < 400; ++i) {
                double sum = 0.0;
                for (Index j = 0; j <= i; ++j)
                    sum += std::pow(static_cast<double>(map.matrix()(i, j)), 2);
                QVERIFY(std::abs(sum + std::expm1(2.0 * std::stod(g) * static_cast<double>(i + 1))) < 1e-5);
            }
        }
    }

    void firstTokenIsWholeInPublishedCode()
    {
        const auto data = randomInputs({1, 1, 90, 90, 4, 3}, 55);
        const auto in = data.inputs(true);
        const Tensor paper = mapOf(method(), in, {}, with());
        const Tensor official = mapOf(method(), in, {}, with({{"start", "official"}}));
        const double weight = std::sqrt(-std::expm1(2.0 * -0.0513));
        for (Index i = 0; i < 90; ++i) {
            QVERIFY(std::abs(official.matrix()(i, 0) * weight - paper.matrix()(i, 0)) < 1e-6);
            for (Index j = 1; j <= i; ++j)
                QCOMPARE(official.matrix()(i, j), paper.matrix()(i, j));
        }
    }

    void queriesAndKeysDoNotMatter()
    {
        auto data = randomInputs({1, 1, 70, 70, 4, 3}, 56);
        const auto out = method().run(data.inputs(true), with(), {});
        std::fill(data.q.values().begin(), data.q.values().end(), 0.0F);
        std::fill(data.k.values().begin(), data.k.values().end(), 7.0F);
        const auto again = method().run(data.inputs(true), with(), {});
        QVERIFY(out && again);
        QVERIFY(std::equal(out->values().begin(), out->values().end(), again->values().begin()));
    }

    void formsAgree()
    {
        const auto data = randomInputs({2, 4, 130, 333, 6, 5}, 57, 1.0F, 2);
        const Tensor g = gates(333, 5, 58, -0.3F, 0.0F);
        auto in = data.inputs(true);
        in.arrays = {{"g", g.view()}};
        const auto out = method().run(in, with(), {});
        QVERIFY(out.ok());
        for (const auto& form : method().otherForms()) {
            const auto other = method().runForm(form, in, with(), {});
            QVERIFY(other.ok());
            for (Index h = 0; h < 8; ++h)
                QVERIFY(relativeGap(other->matrix({h / 4, h % 4}), out->matrix({h / 4, h % 4})) < 2e-6);
        }
    }

    void theoryIsTheHalfLifeOrItsSpread()
    {
        const auto data = randomInputs({1, 1, 120, 120, 4, 3}, 62);
        auto in = data.inputs(true);
        const auto constant = method().theory(in, {}, with({{"g", "-0.2"}}), {});
        QVERIFY(constant.ok());
        QCOMPARE(constant->size(), std::size_t{1});
        QCOMPARE(constant->front().predicted[1], std::exp(-0.4));
        const Tensor g = gates(120, 3, 63, -0.4F, -0.1F);
        in.arrays = {{"g", g.view()}};
        const auto spread = method().theory(in, {}, with(), {});
        QVERIFY(spread.ok());
        QCOMPARE(spread->size(), std::size_t{3});
        for (std::size_t i = 0; i < (*spread)[0].x.size(); ++i)
            QVERIFY((*spread)[2].predicted[i] <= (*spread)[0].predicted[i] && (*spread)[0].predicted[i] <= (*spread)[1].predicted[i]);
        QVERIFY((*spread)[2].predicted[0] >= std::exp(-0.4) - 1e-6 && (*spread)[1].predicted[0] <= std::exp(-0.1) + 1e-6);
    }

    void refusals()
    {
        const auto data = randomInputs({1, 1, 40, 40, 4, 3}, 59);
        const Tensor wide = gates(40, 4, 60, -1.0F, 0.0F);
        const Tensor growing = gates(40, 1, 61, 0.1F, 1.0F);
        auto in = data.inputs(true);
        QCOMPARE(method().run(in, with({{"channel", "4"}}), {}).error().code, Errc::InvalidParam);
        in.arrays = {{"g", wide.view()}};
        QCOMPARE(method().run(in, with(), {}).error().code, Errc::InvalidShape);
        in.arrays = {{"g", growing.view()}};
        const auto error = method().scores(in, {}, with(), {}).error();
        QCOMPARE(error.code, Errc::InvalidParam);
        QVERIFY(error.what.find("\"g\"") != std::string::npos && !error.hint.empty());
    }
};

static const attnscope::tests::RegisterTest<TestRgLru> registered("test_rg_lru");

#include "test_rg_lru.moc"
