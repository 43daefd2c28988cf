// SPDX-License-Identifier: GPL-3.0-or-later
// Feed-forward parts of designed layers: their sizes, and what shares weights changes together.
#include "core/stack/ffn_design.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using attnscope::tests::architectureOf;

class TestFfnDesign : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void sizesAreThoseOfAnotherLayer()
    {
        const auto jamba = architectureOf("jamba-v0.1"); // experts in every other layer
        const auto changed = setFfn(jamba, 0, FfnKind::Moe);
        QVERIFY(changed.ok());
        QCOMPARE(changed->layers[0].ffn, jamba.layers[1].ffn);
        QVERIFY(parametersOf(*changed).total > parametersOf(jamba).total);
        const auto none = setFfn(jamba, 1, FfnKind::None);
        QCOMPARE(ffnName(none->layers[1]), std::string("none"));
        const auto llama = setFfn(architectureOf("llama-3.1-8b"), 2, FfnKind::Moe);
        QCOMPARE(ffnName(llama->layers[2]), std::string("moe(8, 2 active)"));
        QVERIFY(!setFfn(jamba, 32, FfnKind::Dense).ok());
    }

    void sharedWeightsChangeTogether()
    {
        const auto zamba = architectureOf("zamba2-1.2b"); // one block at 5, 11, 17, 23, 29, 35
        const auto changed = setFfn(zamba, 17, FfnKind::None);
        for (const Index layer : attentionLayers(zamba))
            QVERIFY(changed->layers[static_cast<std::size_t>(layer)].ffn.kind == FfnKind::None);
        QVERIFY(changed->layers[0].ffn == zamba.layers[0].ffn);
    }
};

static const attnscope::tests::RegisterTest<TestFfnDesign> registered("test_ffn_design");

#include "test_ffn_design.moc"
