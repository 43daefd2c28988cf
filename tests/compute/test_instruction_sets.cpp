// SPDX-License-Identifier: GPL-3.0-or-later
// Every instruction set that this processor has computes the same products, exponentials and attention, to rounding.
#include "core/compute/dense.h"
#include "core/compute/simd_targets.h"
#include "core/compute/streaming_softmax.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <hwy/targets.h>

#include <array>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// Restricts dispatch to one instruction set while it lives.
class OnlyTarget {
public:
    explicit OnlyTarget(int64_t target) { use(target); }
    ~OnlyTarget() { use(0); }
    OnlyTarget(const OnlyTarget&) = delete;
    OnlyTarget& operator=(const OnlyTarget&) = delete;

private:
    static void use(int64_t target)
    {
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    }
};

struct Results {
    Tensor product;
    Tensor softmax;
    Tensor attended;
};

Results computeAll()
{
    const auto data = randomInputs({1, 1, 61, 203, 37, 29}, 97);
    Results r{Tensor(1, 1, 61, 203), Tensor(1, 1, 61, 203), Tensor(1, 1, 61, 29)};
    gemmNT(data.q.matrix(), data.k.matrix(), r.product.matrix(), 0.2F);
    std::copy(r.product.values().begin(), r.product.values().end(), r.softmax.values().begin());
    softmaxRows(r.softmax.matrix(), 143);
    streamQueries({data.q.matrix(), data.k.matrix(), data.v.matrix(), 0.2F, fullSupport(61, 203, true)}, 0, 61, r.attended.matrix(),
                  nullptr);
    return r;
}

} // namespace

class TestInstructionSets : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agree()
    {
        const Results widest = computeAll();
        int tried = 0;
        // Bit by bit: targets that were not compiled in fall back to one that was.
        for (int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
            const OnlyTarget only(targets & -targets);
            const Results here = computeAll();
            QVERIFY(maxDifference(here.product, widest.product) < 2e-6);
            QVERIFY(maxDifference(here.softmax, widest.softmax) < 2e-6);
            QVERIFY(maxDifference(here.attended, widest.attended) < 2e-6);
            ++tried;
        }
        QVERIFY(tried >= 1);
    }
};

static const attnscope::tests::RegisterTest<TestInstructionSets> registered("test_instruction_sets");

#include "test_instruction_sets.moc"
