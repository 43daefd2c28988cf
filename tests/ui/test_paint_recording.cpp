// SPDX-License-Identifier: GPL-3.0-or-later
// A recording plays what was painted, to the pixel: transforms, clips, shapes, text, pictures; on another thread; until cancelled.
#include "support/register_test.h"
#include "ui/paint_recording.h"
#include "ui/pane_layout.h"

#include <QPainter>
#include <QPainterPath>
#include <QTest>

#include <thread>

using namespace attnscope;

namespace {

QImage noise(int seed)
{
    QImage image(13, 7, QImage::Format_RGB32);
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
            image.setPixel(x, y, qRgb((seed * 37 + x * 61) % 256, (y * 53 + x * 11) % 256, (seed + x * y * 29) % 256));
    return image;
}

void paint(QPainter& painter, double scale)
{
    painter.scale(scale, scale);
    painter.fillRect(QRect(0, 0, 120, 90), QColor("#f8f4e0"));
    painter.save();
    painter.translate(10.5, 5.25);
    painter.rotate(12.0);
    painter.setClipRect(QRectF(5, 5, 60, 50));
    painter.setPen(QPen(Qt::darkBlue, 1.5, Qt::DashLine));
    painter.setBrush(QBrush(Qt::darkGreen, Qt::BDiagPattern));
    painter.drawRect(QRect(0, 0, 40, 30));
    painter.setRenderHint(QPainter::Antialiasing);
    QPainterPath path; // as it is: rectangles with round corners become one of slightly different numbers
    path.addRoundedRect(QRectF(20.3, 10.7, 30, 35), 6, 6);
    painter.drawPath(path);
    painter.drawEllipse(QRectF(30, 30, 40, 20));
    painter.setClipRect(QRectF(10, 10, 20, 80), Qt::IntersectClip);
    painter.fillRect(QRectF(0, 0, 100, 100), QColor(255, 0, 0, 60));
    painter.restore();
    QLinearGradient gradient(0, 0, 120, 0);
    gradient.setColorAt(0, Qt::yellow);
    gradient.setColorAt(1, Qt::magenta);
    painter.fillRect(QRect(5, 70, 110, 8), gradient);
    painter.drawPolyline(QPolygon({{3, 60}, {30, 66}, {60, 58}, {115, 69}}));
    painter.drawLine(QPointF(0.5, 88.5), QPointF(119.5, 80.0));
    painter.setOpacity(0.7);
    painter.drawImage(QRectF(80, 10, 30, 20), noise(1));
    painter.setOpacity(1.0);
    painter.setFont(smallFont());
    painter.setPen(QColor("#202020"));
    painter.drawText(QRect(4, 30, 112, 26), Qt::AlignCenter | Qt::TextWordWrap, QStringLiteral("|A − Â|_F: exact ← “whale” 10⁻⁴"));
    drawImageLater(painter, QRectF(82, 34, 26, 14), [] { return noise(2); });
    painter.drawPoint(QPointF(118.5, 2.5));
}

QImage blank(double scale)
{
    QImage image(QSize(120, 90) * scale, QImage::Format_RGB32);
    image.fill(Qt::white);
    return image;
}

} // namespace

class TestPaintRecording : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void playsWhatWasPainted_data()
    {
        QTest::addColumn<double>("scale");
        QTest::newRow("as on screen") << 1.0;
        QTest::newRow("150 dots per inch") << 150.0 / 96.0;
        QTest::newRow("300 dots per inch") << 300.0 / 96.0;
    }

    void playsWhatWasPainted()
    {
        QFETCH(double, scale);
        QImage direct = blank(scale);
        QPainter painter(&direct);
        paint(painter, scale);
        painter.end();

        PaintRecording recording(direct.size());
        QPainter recorder(&recording);
        paint(recorder, scale);
        recorder.end();
        for (int times = 0; times < 2; ++times) {
            QImage played = blank(scale);
            bool whole = false;
            std::thread([&] {
                QPainter player(&played);
                whole = recording.play(player, {});
            }).join();
            QVERIFY(whole);
            QVERIFY(played == direct);
        }
        QVERIFY(direct != blank(scale));
    }

    void picturesAreMadeWhenPlayed()
    {
        int made = 0;
        PaintRecording recording({50, 50});
        QPainter recorder(&recording);
        drawImageLater(recorder, QRectF(0, 0, 50, 50), [&made] {
            ++made;
            return noise(3);
        });
        recorder.end();
        QCOMPARE(made, 0);
        QImage played(50, 50, QImage::Format_RGB32);
        QPainter player(&played);
        QVERIFY(recording.play(player, {}));
        QCOMPARE(made, 1);

        std::stop_source stop;
        stop.request_stop();
        RunContext cancelled;
        cancelled.stop = stop.get_token();
        QVERIFY(!recording.play(player, cancelled));
        QCOMPARE(made, 1);
    }
};

static const attnscope::tests::RegisterTest<TestPaintRecording> registered("test_paint_recording");

#include "test_paint_recording.moc"
