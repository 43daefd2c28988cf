// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel methods token by token: the same output as by chunks, for every map, and with keys before the first query.
#include "core/engine/kernel_method.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

class TestKernelForms : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void tokensEqualChunks_data()
    {
        QTest::addColumn<QString>("id");
        for (const auto& method : allMethods())
            if (dynamic_cast<const KernelMethod*>(method.get()) && method->info().supportsCausal)
                QTest::newRow(method->info().id.c_str()) << QString::fromStdString(method->info().id);
    }
    void tokensEqualChunks()
    {
        QFETCH(QString, id);
        const auto& method = *findMethod(id.toStdString());
        const auto params = defaultParams(method.info().params, 3);
        const auto data = randomInputs({2, 4, 150, 161, 12, 5}, 91, 0.7F, 2);
        const auto in = data.inputs(true);
        const auto chunks = method.run(in, params, {});
        const auto tokens = method.runForm("recurrent", in, params, {});
        QVERIFY(chunks.ok() && tokens.ok());
        for (const HeadRef head : {HeadRef{0, 0}, HeadRef{1, 3}}) {
            const auto defined = method.define(in, head, params);
            QVERIFY(defined.ok());
            const double limit = std::max(1e-5, 1e-6 * defined->condition);
            QVERIFY(relativeGap(tokens->matrix(head), chunks->matrix(head)) < limit);
        }
    }

    void whatIsNoFormIsRefused()
    {
        const auto data = randomInputs({1, 1, 9, 9, 4, 2}, 92);
        const auto& method = *findMethod("linear-elu");
        for (const auto& [form, causal] : {std::pair{"recurrent", false}, std::pair{"sideways", true}}) {
            const auto out = method.runForm(form, data.inputs(causal), {}, {});
            QVERIFY(!out.ok());
            QCOMPARE(out.error().code, Errc::Unsupported);
        }
    }

    void stopsWhenAsked()
    {
        const auto data = randomInputs({1, 1, 50, 50, 4, 2}, 93);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto out = findMethod("linear-elu")->runForm("recurrent", data.inputs(true), {}, context);
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestKernelForms> registered("test_kernel_forms");

#include "test_kernel_forms.moc"
