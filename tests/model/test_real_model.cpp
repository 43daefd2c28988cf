// SPDX-License-Identifier: GPL-3.0-or-later
// A real model folder against PyTorch transformers; run by tests/golden/model/check_real_models.py, skipped elsewhere.
#include "model/model_reference.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestRealModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsTransformers()
    {
        const auto folder = qgetenv("ATTNSCOPE_CHECK_MODEL").toStdString();
        const auto expected = qgetenv("ATTNSCOPE_CHECK_EXPECTED").toStdString();
        if (folder.empty() || expected.empty())
            QSKIP("needs a real model: run tests/golden/model/check_real_models.py FOLDER");
        const auto reference = tests::ModelReference::open(expected);
        QVERIFY2(reference.ok(), reference.ok() ? "" : reference.error().what.c_str());
        const auto worst = compareWithReference(folder, *reference);
        QVERIFY2(worst.ok(), worst.ok() ? "" : worst.error().what.c_str());
        bool close = true;
        for (const auto& [kind, difference] : *worst) {
            qInfo("%-10s max |difference| %.2e", kind.c_str(), difference);
            close = close && difference <= 1e-4;
        }
        QVERIFY2(close, "a difference exceeds 1e-4");
    }
};

static const attnscope::tests::RegisterTest<TestRealModel> registered("test_real_model");

#include "test_real_model.moc"
