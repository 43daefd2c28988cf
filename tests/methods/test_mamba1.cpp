// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba's selective scan: each channel's own recurrence, the mean of their maps, limits, long inputs, refusals.
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("mamba1"); }

Params with(std::vector<ParamText> given = {}) { return *makeParams(method().info().params, given); }

Tensor uniform(Index rows, Index cols, std::uint64_t seed, float least, float most)
{
    Tensor made(1, 1, rows, cols);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<float> numbers(least, most);
    std::generate(made.values().begin(), made.values().end(), [&] { return numbers(random); });
    return made;
}

/// q, k, v of one head, steps, rates and own weights of 5 channels with 4 states.
struct Scan {
    RandomInputs data = randomInputs({1, 1, 140, 140, 4, 5}, 71);
    Tensor dt = uniform(140, 5, 72, 0.01F, 0.4F);
    Tensor a = uniform(1, 20, 73, -3.0F, -0.1F);
    Tensor d = uniform(1, 5, 74, -1.0F, 1.0F);

    Inputs inputs() const
    {
        auto in = data.inputs(true);
        in.arrays = {{"dt", dt.view()}, {"A", a.view()}, {"D", d.view()}};
        return in;
    }

    /// h = e^(dt A) h + dt B u, y = C h + D u, as published.
    std::vector<double> output(Index channel) const
    {
        std::vector<double> y;
        std::vector<double> h(4, 0.0);
        for (Index t = 0; t < 140; ++t) {
            const double u = data.v.matrix()(t, channel);
            const double step = dt.matrix()(t, channel);
            y.push_back(d.matrix()(0, channel) * u);
            for (Index s = 0; s < 4; ++s) {
                double& state = h[static_cast<std::size_t>(s)];
                state = std::exp(step * a.matrix()(0, 4 * channel + s)) * state + step * data.k.matrix()(t, s) * u;
                y.back() += data.q.matrix()(t, s) * state;
            }
        }
        return y;
    }
};

} // namespace

class TestMamba1 : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyChannelIsItsOwnScan()
    {
        const Scan scan;
        for (Index c = 0; c < 5; ++c) {
            const auto out = method().run(scan.inputs(), with({{"channel", std::to_string(c + 1)}}), {});
            QVERIFY(out.ok());
            const auto expected = scan.output(c);
            for (Index t = 0; t < 140; ++t)
                QVERIFY(std::abs(out->matrix()(t, c) - expected[static_cast<std::size_t>(t)]) < 1e-5);
        }
    }

    void channelZeroIsTheMeanMap()
    {
        const Scan scan;
        Tensor mean(1, 1, 140, 140);
        std::fill(mean.values().begin(), mean.values().end(), 0.0F);
        for (Index c = 1; c <= 5; ++c) {
            const Tensor map = mapOf(method(), scan.inputs(), {}, with({{"channel", std::to_string(c)}}));
            for (std::size_t i = 0; i < map.values().size(); ++i)
                mean.values()[i] += 0.2F * map.values()[i];
        }
        QVERIFY(relativeGap(mapOf(method(), scan.inputs(), {}, with()).matrix(), mean.matrix()) < 1e-6);
        const auto defined = method().define(scan.inputs(), {}, with());
        for (Index i = 0; i < 140; ++i)
            for (Index j = 0; j < 140; ++j)
                QVERIFY(std::abs(defined->at(i, j) - mean.matrix()(i, j)) < 1e-5);
    }

    void ratesOfStatesServeAllChannels()
    {
        Scan scan;
        const auto in = [&](Index cols) {
            auto made = scan.inputs();
            made.arrays["A"] = {scan.a.data(), {1, 1, 1, cols}, {0, 0, 0}};
            return made;
        };
        const Tensor byState = mapOf(method(), in(4), {}, with({{"channel", "3"}}));
        for (Index c = 1; c < 5; ++c)
            std::copy_n(scan.a.data(), 4, scan.a.data() + 4 * c);
        QVERIFY(relativeGap(byState.matrix(), mapOf(method(), in(20), {}, with({{"channel", "3"}})).matrix()) < 1e-6);
        std::fill_n(scan.a.data(), 4, scan.a.data()[0]);
        QVERIFY(relativeGap(mapOf(method(), in(1), {}, with()).matrix(), mapOf(method(), in(4), {}, with()).matrix()) < 1e-6);
    }

    /// Without decay the map is linear attention times the step.
    void gateZeroIsLinearAttention()
    {
        const auto data = randomInputs({1, 1, 200, 200, 8, 3}, 75);
        const Tensor map = mapOf(method(), data.inputs(true), {}, with({{"A", "0"}, {"dt", "0.25"}, {"D", "2"}}));
        for (Index i = 0; i < 200; ++i)
            for (Index j = 0; j <= i; ++j) {
                double sum = 0.0;
                for (Index c = 0; c < 8; ++c)
                    sum += 0.25 * static_cast<double>(data.q.matrix()(i, c)) * data.k.matrix()(j, c);
                QVERIFY(std::abs(map.matrix()(i, j) - sum - (i == j ? 2.0 : 0.0)) < 1e-5);
            }
    }

    void formsAgree()
    {
        const auto data = randomInputs({2, 4, 130, 333, 6, 5}, 76, 1.0F, 2);
        const Tensor dt = uniform(333, 5, 77, 0.0F, 3.0F);
        auto in = data.inputs(true);
        for (const bool byChannel : {false, true}) {
            if (byChannel)
                in.arrays = {{"dt", dt.view()}};
            const auto out = method().run(in, with({{"D", "0.5"}}), {});
            QVERIFY(out.ok());
            for (const auto& form : method().otherForms()) {
                const auto other = method().runForm(form, in, with({{"D", "0.5"}}), {});
                QVERIFY(other.ok());
                for (Index h = 0; h < 8; ++h)
                    QVERIFY(relativeGap(other->matrix({h / 4, h % 4}), out->matrix({h / 4, h % 4})) < 2e-6);
            }
        }
    }

    void theoryDrawsForgettingAndCapacity()
    {
        const auto data = randomInputs({1, 1, 160, 160, 9, 3}, 84);
        const auto curves = method().theory(data.inputs(true), {}, with({{"dt", "0.1"}, {"A", "-1"}}), {});
        QVERIFY(curves.ok());
        QCOMPARE(curves->size(), std::size_t{4});
        QVERIFY(std::abs((*curves)[0].predicted[0] - std::exp(-0.5)) < 1e-9); // the fifth of nine states
        QVERIFY(std::abs((*curves)[1].predicted[0] - std::exp(-0.1)) < 1e-9);
        QVERIFY(std::abs((*curves)[2].predicted[0] - std::exp(-0.9)) < 1e-9);
        QCOMPARE(curves->back().title, std::string("Capacity line of associative recall"));
        QCOMPARE(curves->back().measured.size(), curves->back().predicted.size());
    }

    void refusals()
    {
        const auto data = randomInputs({1, 1, 40, 40, 4, 3}, 78);
        const auto refuse = [&](const char* name, const Tensor& array) {
            auto in = data.inputs(true);
            in.arrays = {{name, array.view()}};
            const auto out = method().run(in, with(), {});
            return out ? Error{} : out.error();
        };
        QCOMPARE(refuse("dt", uniform(40, 2, 79, 0.0F, 1.0F)).code, Errc::InvalidShape);
        QCOMPARE(refuse("A", uniform(1, 5, 80, -1.0F, 0.0F)).code, Errc::InvalidShape);
        QCOMPARE(refuse("A", uniform(40, 4, 81, -1.0F, 0.0F)).code, Errc::InvalidShape);
        QCOMPARE(refuse("dt", uniform(40, 1, 82, -1.0F, -0.5F)).code, Errc::InvalidParam);
        const Error error = refuse("A", uniform(1, 4, 83, 0.5F, 1.0F));
        QCOMPARE(error.code, Errc::InvalidParam);
        QVERIFY(error.what.find("\"A\"") != std::string::npos && !error.hint.empty());
        QCOMPARE(method().run(data.inputs(true), with({{"channel", "4"}}), {}).error().code, Errc::InvalidParam);
    }
};

static const attnscope::tests::RegisterTest<TestMamba1> registered("test_mamba1");

#include "test_mamba1.moc"
