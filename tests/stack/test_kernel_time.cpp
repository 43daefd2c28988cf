// SPDX-License-Identifier: GPL-3.0-or-later
// Measured kernels: interpolation and its slopes beyond, sums of layers by hand, intervals, crossovers.
#include "core/stack/kernel_time.h"
#include "core/stack/stack_curve.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <set>

using namespace attnscope;
using attnscope::tests::architectureOf;

namespace {

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::abs(b); }

/// Every kernel at the same unit time, 10 % to either side, measured at 64 and 4096.
KernelProfile flatProfile(const std::vector<Architecture>& architectures, double seconds)
{
    KernelProfile profile;
    for (const auto& spec : kernelsOf(architectures)) {
        const double unit = spec.kind == KernelKind::Launch ? 1e-12 : seconds;
        for (const double n : {64.0, 4096.0})
            profile.kernels[nameOf(spec)].push_back({n, {0.9 * unit, unit, 1.1 * unit}});
    }
    return profile;
}

Card cardWith(KernelProfile profile)
{
    Card card;
    card.name = card.source = "measured";
    card.memoryBytes = 1e12;
    card.kernels = std::make_shared<const KernelProfile>(std::move(profile));
    return card;
}

} // namespace

class TestKernelTime : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void unitTimesAreInterpolatedAndContinued()
    {
        const KernelSpec spec{KernelKind::Attention, "softmax", 64, 64, 1};
        KernelProfile profile;
        profile.kernels[nameOf(spec)] = {{100, {1, 2, 4}}, {400, {2, 8, 16}}, {1600, {3, 8, 9}}};
        QVERIFY(near(profile.at(spec, 200).unit.median, 4.0)); // halfway in log n and log t
        QVERIFY(near(profile.at(spec, 400).unit.median, 8.0));
        QVERIFY(!profile.at(spec, 1600).extrapolated);
        const auto beyond = profile.at(spec, 6400);
        QVERIFY(beyond.extrapolated);
        QCOMPARE(beyond.unit.median, 8.0); // of a pair: four times the length is sixteen times the time
        QCOMPARE(beyond.unit.low, 2.0);
        QCOMPARE(beyond.unit.high, 16.0);
        QVERIFY(profile.at(spec, 10).extrapolated);
        QCOMPARE(profile.at({KernelKind::Launch}, 1).unit.median, 0.0);
    }

    void layersAreSummedByHand()
    {
        const auto a = architectureOf("nemotron-h-8b");
        const double unit = 1e-9;
        const auto profile = flatProfile({a}, unit);
        const double n = 1000;
        const auto time = prefillByKernels(a, profile, 2, 0, n);
        const auto p = parametersOf(a);
        const double pairs = 4 * 32 * n * n / 2;
        QVERIFY(near(time.terms.attention, 1e3 * unit * 2 * pairs));
        QVERIFY(near(time.terms.state, 1e3 * unit * 2 * n * 24 * 128));
        QVERIFY(near(time.terms.projections + time.terms.ffn, 1e3 * unit * 2 * n * p.active));
        QVERIFY(near(time.terms.head, 1e3 * unit * 2 * p.head));
        QVERIFY(std::abs(time.ms / time.terms.sum() - 1.0) < 1e-6); // and the launches
        QVERIFY(std::abs(time.lowMs / time.ms - 0.9) < 1e-6 && std::abs(time.highMs / time.ms - 1.1) < 1e-6);
        QVERIFY(!time.extrapolated && prefillByKernels(a, profile, 2, 0, 5000).extrapolated);
        const auto step = decodeByKernels(a, profile, 2, n);
        QVERIFY(near(step.terms.attention, 1e3 * unit * 2 * 4 * 8 * n));
        QVERIFY(near(step.terms.state, 1e3 * unit * 2 * 24 * 128));
        QVERIFY(near(step.terms.weights(), 1e3 * unit * 2 * (p.active + p.head)));
        QCOMPARE(step.bound, Bound::Traffic);
        QCOMPARE(time.bound, Bound::Arithmetic);
    }

    void slopesBeyondAreTwoAndOne()
    {
        const auto dense = architectureOf("gpt2");
        const auto pure = architectureOf("mamba-1.4b");
        const auto profile = flatProfile({dense, pure}, 1e-9);
        const auto attention = [&](double n) { return prefillByKernels(dense, profile, 1, 0, n).terms.attention; };
        const auto state = [&](double n) { return prefillByKernels(pure, profile, 1, 0, n).terms.state; };
        QVERIFY(near(attention(1 << 20), 4 * attention(1 << 19)));
        QVERIFY(near(state(1 << 20), 2 * state(1 << 19)));
    }

    void windowsStopGrowing()
    {
        const auto a = architectureOf("samba-1.3b");
        const auto profile = flatProfile({a}, 1e-9);
        QVERIFY(!decodeByKernels(a, profile, 1, 1e6).extrapolated); // no row is longer than the window
        QCOMPARE(decodeByKernels(a, profile, 1, 1e6).ms, decodeByKernels(a, profile, 1, 2048).ms);
    }

    void expertsAreHitByTheBatch()
    {
        const auto a = architectureOf("jamba-v0.1");
        const auto profile = flatProfile({a}, 1e-9);
        const auto one = decodeByKernels(a, profile, 1, 100);
        QVERIFY(near(one.terms.weights(), 1e-6 * (parametersOf(a).active + parametersOf(a).head)));
        QVERIFY(near(decodeByKernels(a, profile, 64, 100).terms.ffn, 64 * one.terms.ffn)); // a multiply-add is a multiply-add
    }

    void labelsAndCrossoversFollow()
    {
        const auto dense = architectureOf("llama-3.2-1b");
        const auto pure = architectureOf("mamba2-1.5b-shape");
        const auto card = cardWith(flatProfile({dense, pure}, 1e-9));
        QCOMPARE(pointAt(dense, card, {}, 2048).label, std::string("estimated"));
        QCOMPARE(pointAt(dense, card, {}, 8192).label, std::string("extrapolated"));
        QVERIFY(pointAt(dense, card, {}, 8192).prefillExtrapolated && pointAt(dense, card, {}, 8192).decodeExtrapolated);
        QVERIFY(!pointAt(pure, card, {}, 8192).decodeExtrapolated);
        const auto found = crossoversOf(dense, pure, card, {}, {64, 1 << 24});
        QVERIFY(found[0].n && found[0].quantity == "prefill" && found[0].fasterAfter == "test");
        // Intervals of 10 % to either side overlap up to where the medians differ by 1.1 / 0.9: within an eighth of a doubling beyond it.
        const auto ratio = [&](double n) { return pointAt(dense, card, {}, n).prefillMs / pointAt(pure, card, {}, n).prefillMs; };
        QVERIFY2(ratio(found[0].high) > 1.1 / 0.9 * 0.999, qPrintable(QString::number(ratio(found[0].high))));
        QVERIFY(ratio(found[0].high / std::exp2(1.01 / 8)) < 1.1 / 0.9);
        QVERIFY(found[0].low < *found[0].n && *found[0].n < found[0].high);
    }

    void everyKernelHasANameOfItsOwn()
    {
        std::vector<Architecture> all;
        for (const char* id : {"jamba-v0.1", "kimi-linear-48b-a3b", "recurrentgemma-2b", "qwen3-next-80b-a3b", "minimax-text-01"})
            all.push_back(architectureOf(id));
        const auto specs = kernelsOf(all);
        std::set<std::string> names;
        for (const auto& spec : specs)
            QVERIFY2(names.insert(nameOf(spec)).second, nameOf(spec).c_str());
        QVERIFY(names.contains("softmax step 576x512 group 32") && names.contains("mamba1 16x64") && names.contains("rg-lru step 64x64"));
    }
};

static const attnscope::tests::RegisterTest<TestKernelTime> registered("test_kernel_time");

#include "test_kernel_time.moc"
