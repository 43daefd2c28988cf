// SPDX-License-Identifier: GPL-3.0-or-later
// DeltaNet: the same key twice, orthonormal keys, its closed form, and keys that would let it explode.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

#include <numeric>

using namespace attnscope;
using namespace attnscope::tests;

class TestDeltanet : public QObject {
    Q_OBJECT

private:
    /// Keys are unit vectors along the given channels.
    static GatedInputs withKeysAlong(const std::vector<Index>& channels, Index dim)
    {
        const auto n = static_cast<Index>(channels.size());
        GatedInputs data({1, 1, n, n, dim, 3}, 71);
        std::fill(data.data.k.values().begin(), data.data.k.values().end(), 0.0F);
        for (Index t = 0; t < n; ++t)
            data.data.k.matrix()(t, channels[static_cast<std::size_t>(t)]) = 1.0F;
        return data;
    }

private Q_SLOTS:
    void aKeyWrittenTwiceReturnsTheLastValue()
    {
        GatedInputs data = withKeysAlong({2, 0, 2, 1, 2}, 4);
        std::fill(data.data.q.values().begin(), data.data.q.values().end(), 0.0F);
        for (Index t = 0; t < 5; ++t)
            data.data.q.matrix()(t, 2) = 2.0F; // over sqrt(4): reads channel 2
        const auto out = findMethod("deltanet")->run(data.inputs(), paramsOf("deltanet", {{"beta", "1"}}), {});
        QVERIFY(out.ok());
        for (const auto& [i, latest] : {std::pair<Index, Index>{0, 0}, {1, 0}, {2, 2}, {3, 2}, {4, 4}})
            for (Index c = 0; c < 3; ++c)
                QVERIFY(std::fabs(out->matrix()(i, c) - data.data.v.matrix()(latest, c)) < 1e-6F);
    }

    void orthonormalKeysGiveLinearAttention()
    {
        std::vector<Index> channels(80);
        std::iota(channels.begin(), channels.end(), Index{0});
        const GatedInputs data = withKeysAlong(channels, 80);
        const auto in = data.inputs();
        QVERIFY(relativeDifference(mapOf("deltanet", in, {{"beta", "1"}}), linearMap(in, {}, 1.0 / std::sqrt(80.0))) < 1e-6);
    }

    void nothingIsWrittenWithoutBeta()
    {
        const GatedInputs data({1, 2, 100, 130, 8, 4}, 72);
        for (const char* id : {"deltanet", "gated-deltanet", "kda"}) {
            const auto out = findMethod(id)->run(data.inputs(), paramsOf(id, {{"beta", "0"}}), {});
            QVERIFY(out.ok());
            for (const float x : out->values())
                QCOMPARE(x, 0.0F);
        }
    }

    void keysThatAreTooLongAreRefused()
    {
        GatedInputs data({1, 1, 40, 40, 16, 4}, 73);
        const auto refused = findMethod("deltanet")->run(data.inputs(), paramsOf("deltanet", {{"normalize-keys", "off"}}), {});
        QCOMPARE(refused.error().code, Errc::InvalidParam);
        QVERIFY(refused.error().what.find("beta |k|") != std::string::npos);
        for (float& x : data.data.k.values())
            x *= 0.1F;
        QVERIFY(findMethod("deltanet")->run(data.inputs(), paramsOf("deltanet", {{"normalize-keys", "off"}}), {}).ok());
    }

    void keysOfLengthOneAreTakenAsTheyAre()
    {
        GatedInputs data({1, 1, 150, 150, 16, 4}, 74);
        for (Index t = 0; t < 150; ++t) {
            double square = 0.0;
            for (const float x : data.data.k.matrix().rowSpan(t))
                square += static_cast<double>(x) * static_cast<double>(x);
            for (Index c = 0; c < 16; ++c)
                data.data.k.matrix()(t, c) = static_cast<float>(static_cast<double>(data.data.k.matrix()(t, c)) / std::sqrt(square));
        }
        const Tensor on = mapOf("deltanet", data.inputs(), {{"beta", "0.9"}});
        const Tensor off = mapOf("deltanet", data.inputs(), {{"beta", "0.9"}, {"normalize-keys", "off"}});
        QVERIFY(!on.empty() && maxDifference(on, off) < 1e-6);
    }
};

static const attnscope::tests::RegisterTest<TestDeltanet> registered("test_deltanet");

#include "test_deltanet.moc"
