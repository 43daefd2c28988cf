// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba-3 with several inputs and outputs: each channel against its own recurrence, the mean, one rank, paired halves, refusals.
#include "core/engine/mimo.h"
#include "support/dense_map.h"
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr Index kRank = 3;
constexpr Index kWidth = 4; ///< of a rank
constexpr Index kChannels = 5;
constexpr Index kTokens = 130;

/// One head with 3 ranks of 4 channels, of which one pair turns.
GatedInputs mimoInputs()
{
    GatedInputs data({1, 1, kTokens, kTokens, kRank * kWidth, kChannels}, 141);
    data.draw("dt", 1, 0.0, 1.0);
    data.draw("g", 1, -0.3, 0.0);
    data.draw("trap", 1, 0.0, 1.0);
    data.draw("theta", 1, -2.0, 2.0);
    std::mt19937_64 random(142);
    for (const char* name : {"mimo_x", "mimo_o"}) {
        Tensor weights(1, 1, 1, kRank * kChannels);
        fillNormal(weights.values(), random);
        data.arrays.insert_or_assign(name, std::move(weights));
    }
    return data;
}

/// R(angle) of the first two channels of every rank.
std::vector<double> turned(std::span<const float> row, double angle)
{
    std::vector<double> made(row.begin(), row.end());
    for (std::size_t r = 0; r < made.size(); r += kWidth) {
        made[r] = std::cos(angle) * static_cast<double>(row[r]) - std::sin(angle) * static_cast<double>(row[r + 1]);
        made[r + 1] = std::sin(angle) * static_cast<double>(row[r]) + std::cos(angle) * static_cast<double>(row[r + 1]);
    }
    return made;
}

/// One channel's output by the published steps: S = alpha S + beta sum_r k' x_r v' + gamma sum_r k x_r v, y = sum_r o_r q_r S.
std::vector<double> steps(const Inputs& in, Index channel)
{
    const auto at = [&](const char* name, Index i) { return static_cast<double>((*in.array(name, {}))(i, 0)); };
    const auto weight = [&](const char* name, std::size_t r) {
        return static_cast<double>((*in.array(name, {}))(0, static_cast<Index>(r) * kChannels + channel));
    };
    std::vector<double> state(kWidth, 0.0);
    std::vector<double> before(kWidth, 0.0);
    std::vector<double> out;
    double angle = 0.0;
    for (Index i = 0; i < kTokens; ++i) {
        angle += at("theta", i) * at("dt", i);
        const auto k = turned(in.k.matrix({}).rowSpan(i), angle);
        const auto q = turned(in.q.matrix({}).rowSpan(i), angle);
        std::vector<double> now(kWidth, 0.0);
        std::vector<double> read(kWidth, 0.0);
        for (std::size_t c = 0; c < k.size(); ++c) {
            now[c % kWidth] += k[c] * weight("mimo_x", c / kWidth) * static_cast<double>(in.v.matrix({})(i, channel));
            read[c % kWidth] += q[c] * weight("mimo_o", c / kWidth);
        }
        const double alpha = std::exp(at("g", i));
        double y = 0.0;
        for (std::size_t c = 0; c < kWidth; ++c) {
            state[c] = alpha * state[c] + (1.0 - at("trap", i)) * at("dt", i) * alpha * before[c] + at("trap", i) * at("dt", i) * now[c];
            y += read[c] * state[c];
        }
        out.push_back(y);
        before = now;
    }
    return out;
}

std::vector<ParamText> ranks(Index channel) { return {{"rank", std::to_string(kRank)}, {"channel", std::to_string(channel)}}; }

} // namespace

class TestMimo : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyChannelIsItsOwnRecurrence()
    {
        const auto data = mimoInputs();
        for (Index c = 0; c < kChannels; ++c) {
            const auto out = findMethod("mamba3")->run(data.inputs(), paramsOf("mamba3", ranks(c + 1)), {});
            QVERIFY(out.ok());
            const auto expected = steps(data.inputs(), c);
            for (Index i = 0; i < kTokens; ++i)
                QVERIFY(std::abs(out->matrix()(i, c) - expected[static_cast<std::size_t>(i)]) < 1e-4);
        }
    }

    void mapsEqualTheirDefinitionAndTheirMean()
    {
        const auto data = mimoInputs();
        Tensor mean(1, 1, kTokens, kTokens);
        std::fill(mean.values().begin(), mean.values().end(), 0.0F);
        for (Index c = 0; c <= kChannels; ++c)
            for (const char* pairs : {"adjacent", "halves"}) {
                auto given = ranks(c);
                given.emplace_back("pairs", pairs);
                const Tensor map = mapOf("mamba3", data.inputs(), given);
                const auto defined = findMethod("mamba3")->define(data.inputs(), {}, paramsOf("mamba3", given));
                QVERIFY(defined.ok() && !map.empty());
                Matrix64 truth(kTokens, kTokens);
                truth.values = defined->cells;
                QVERIFY(relativeDifference(map, truth) < 1e-6);
                for (std::size_t i = 0; i < map.values().size() && c > 0 && pairs[0] == 'a'; ++i)
                    mean.values()[i] += map.values()[i] / static_cast<float>(kChannels);
            }
        QVERIFY(relativeGap(mapOf("mamba3", data.inputs(), ranks(0)).matrix(), mean.matrix()) < 1e-5);
    }

    /// As training starts, all weights 1 / R: the ranks' sums read and write one state, R² times weaker.
    void equalWeightsSumTheRanks()
    {
        auto data = mimoInputs();
        data.arrays.erase("mimo_x");
        data.arrays.erase("mimo_o");
        const Tensor map = mapOf("mamba3", data.inputs(), ranks(0));
        RandomInputs sums{Tensor(1, 1, kTokens, kWidth), Tensor(1, 1, kTokens, kWidth), Tensor(1, 1, kTokens, 1)};
        for (const auto& [to, from] : {std::pair{&sums.q, &data.data.q}, {&sums.k, &data.data.k}})
            for (Index i = 0; i < kTokens; ++i)
                for (Index c = 0; c < kWidth; ++c)
                    to->matrix()(i, c) = (from->matrix()(i, c) + from->matrix()(i, c + kWidth) + from->matrix()(i, c + 2 * kWidth)) / 3.0F;
        auto in = data.inputs();
        in.q = sums.q.view();
        in.k = sums.k.view();
        QVERIFY(relativeGap(map.matrix(), mapOf("mamba3", in).matrix()) < 1e-5);
    }

    void halvesAreAdjacentChannelsElsewhere()
    {
        GatedInputs data({1, 1, 90, 90, 6, 2}, 143);
        data.draw("theta", 2, -2.0, 2.0);
        const Tensor halves = mapOf("mamba3", data.inputs(), {{"pairs", "halves"}});
        auto moved = randomInputs({1, 1, 90, 90, 6, 2}, 143);
        for (const auto& [to, from] : {std::pair{&moved.q, &data.data.q}, {&moved.k, &data.data.k}})
            for (Index i = 0; i < 90; ++i)
                for (Index c = 0; c < 6; ++c)
                    to->matrix()(i, 2 * (c % 3) + c / 3) = from->matrix()(i, c);
        auto in = data.inputs();
        in.q = moved.q.view();
        in.k = moved.k.view();
        QVERIFY(relativeGap(halves.matrix(), mapOf("mamba3", in).matrix()) < 1e-6);
        QVERIFY(relativeGap(halves.matrix(), mapOf("mamba3", data.inputs()).matrix()) > 0.01);
    }

    void refusals()
    {
        const auto data = mimoInputs();
        const auto refuse = [&](const std::vector<ParamText>& given) {
            const auto out = findMethod("mamba3")->run(data.inputs(), paramsOf("mamba3", given), {});
            return out ? Error{} : out.error();
        };
        for (const char* rank : {"5", "1", "2"}) { // 12 channels aren't 5 ranks; the arrays hold 3
            const Error error = refuse({{"rank", rank}});
            QCOMPARE(error.code, Errc::InvalidShape);
            QVERIFY(!error.what.empty() && !error.hint.empty());
        }
        QCOMPARE(refuse(ranks(kChannels + 1)).code, Errc::InvalidParam);
    }
};

static const attnscope::tests::RegisterTest<TestMimo> registered("test_mimo");

#include "test_mimo.moc"
