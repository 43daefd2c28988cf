// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel methods token by token and by their maps: the same output as by chunks, with keys before the first query.
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
    void formsAgree_data()
    {
        QTest::addColumn<QString>("id");
        for (const auto& method : allMethods())
            if (dynamic_cast<const KernelMethod*>(method.get()) && method->info().supportsCausal)
                QTest::newRow(method->info().id.c_str()) << QString::fromStdString(method->info().id);
    }
    void formsAgree()
    {
        QFETCH(QString, id);
        const auto& method = *findMethod(id.toStdString());
        const auto params = defaultParams(method.info().params, 3);
        const auto data = randomInputs({2, 4, 150, 161, 12, 5}, 91, 0.7F, 2);
        for (const bool causal : {false, true}) {
            const auto in = data.inputs(causal);
            const auto chunks = method.run(in, params, {});
            QVERIFY(chunks.ok());
            for (const char* form : {"recurrent", "matrix"}) {
                const auto other = method.runForm(form, in, params, {});
                QVERIFY(other.ok());
                for (const HeadRef head : {HeadRef{0, 0}, HeadRef{1, 3}}) {
                    const auto defined = method.define(in, head, params);
                    QVERIFY(defined.ok());
                    const double limit = std::max(1e-5, 1e-6 * defined->condition);
                    QVERIFY2(relativeGap(other->matrix(head), chunks->matrix(head)) < limit, form);
                }
            }
        }
    }

    void whatIsNoFormIsRefused()
    {
        const auto data = randomInputs({1, 1, 9, 9, 4, 2}, 92);
        const auto& method = *findMethod("linear-elu");
        const auto out = method.runForm("sideways", data.inputs(true), {}, {});
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::Unsupported);
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
