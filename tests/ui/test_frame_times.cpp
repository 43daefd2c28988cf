// SPDX-License-Identifier: GPL-3.0-or-later
// Frame times: percentiles of known samples, the JSON that a script reads, the window's words.
#include "support/register_test.h"
#include "ui/frame_times_window.h"
#include "ui/metered_application.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QTest>

using namespace attnscope;

class TestFrameTimes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void percentiles()
    {
        FrameTimes times;
        QCOMPARE(times.summary().frames, 0);
        for (int i = 0; i < 98; ++i)
            times.add(2.05);
        times.add(9.01);
        times.add(250.0);
        const FrameSummary all = times.summary();
        QCOMPARE(all.frames, 100);
        QVERIFY(std::abs(all.medianMs - 2.1) < 1e-9); // to the upper edge of its bin
        QVERIFY(std::abs(all.p99Ms - 9.1) < 1e-9);
        QCOMPARE(all.worstMs, 250.0);
        QCOMPARE(all.smooth, 0.98);
        times.clear();
        QCOMPARE(times.summary().frames, 0);
        QCOMPARE(times.summary().worstMs, 0.0);
    }

    void json()
    {
        FrameTimes times;
        times.add(0.25);
        times.add(0.31);
        const QJsonObject object = times.toJson();
        QCOMPARE(object[QStringLiteral("frames")].toInt(), 2);
        QCOMPARE(object[QStringLiteral("worstMs")].toDouble(), 0.31);
        QCOMPARE(object[QStringLiteral("shareUpTo8Ms")].toDouble(), 1.0);
        const auto counts = object[QStringLiteral("counts")].toArray();
        QCOMPARE(counts.size(), 4); // up to the last bin that isn't empty
        QCOMPARE(counts[2].toInt() + counts[3].toInt(), 2);
        QVERIFY(FrameTimes().toJson()[QStringLiteral("counts")].toArray().isEmpty());
        FrameRecord record;
        record.all.add(5.0);
        record.work.add(3.0);
        const auto both = QJsonDocument::fromJson(record.toJson()).object();
        QCOMPARE(both[QStringLiteral("worstMs")].toDouble(), 5.0);
        QCOMPARE(both[QStringLiteral("work")].toObject()[QStringLiteral("worstMs")].toDouble(), 3.0);
    }

    void windowSaysWhatWasMeasured()
    {
        QWidget parent;
        FrameRecord record;
        auto& window = FrameTimesWindow::of(parent, record);
        QVERIFY(window.findChild<QLabel*>()->text().contains(QStringLiteral("No frames")));
        record.all.add(3.0);
        record.work.add(2.0);
        window.refresh();
        QVERIFY(window.findChild<QLabel*>()->text().startsWith(QStringLiteral("1 frames")));
        QCOMPARE(&FrameTimesWindow::of(parent, record), &window);
        QVERIFY(!window.grab().isNull());
        QVERIFY(!MeteredApplication::frameRecord()); // the tests' application is an ordinary one
    }
};

static const attnscope::tests::RegisterTest<TestFrameTimes> registered("test_frame_times");

#include "test_frame_times.moc"
