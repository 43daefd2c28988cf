// SPDX-License-Identifier: GPL-3.0-or-later
// A deadline stops by itself, with its parent, and not before.
#include "core/bench/deadline.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestDeadline : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void passesByItself()
    {
        const Deadline deadline(0.001, {});
        QTRY_VERIFY(deadline.token().stop_requested());
    }

    void followsItsParent()
    {
        std::stop_source parent;
        const Deadline deadline(3600.0, parent.get_token());
        QVERIFY(!deadline.token().stop_requested());
        parent.request_stop();
        QVERIFY(deadline.token().stop_requested());
    }

    void endsWithoutStopping()
    {
        std::stop_token token;
        {
            const Deadline deadline(3600.0, {});
            token = deadline.token();
        }
        QVERIFY(!token.stop_requested());
    }
};

static const attnscope::tests::RegisterTest<TestDeadline> registered("test_deadline");

#include "test_deadline.moc"
