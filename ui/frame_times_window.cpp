// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/frame_times_window.h"

#include "ui/plot_theme.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QPushButton>
#include <QTimer>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <vector>

namespace attnscope {

namespace {

constexpr int kRefreshMs = 500;
constexpr int kShownMs = 34; // two frames at 60 a second; the last bar holds all that is longer
constexpr double kFrameMs = 1000.0 / 60.0;

/// Frames of each millisecond.
class Bars : public QWidget {
public:
    Bars(const FrameTimes& times, QWidget* parent) : QWidget(parent), m_times(times)
    {
        setMinimumSize(420, 150);
        setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    }

protected:
    void paintEvent(QPaintEvent*) override;

private:
    std::vector<double> heights() const;

    const FrameTimes& m_times;
};

/// Square roots of the counts, so that a few slow frames are seen beside many fast ones.
std::vector<double> Bars::heights() const
{
    std::vector<double> heights(kShownMs, 0.0);
    const auto& counts = m_times.counts();
    for (std::size_t bin = 0; bin < counts.size(); ++bin)
        heights[static_cast<std::size_t>(std::min<double>(kShownMs - 1, double(bin) * FrameTimes::kBinMs))] += double(counts[bin]);
    for (double& height : heights)
        height = std::sqrt(height);
    return heights;
}

void Bars::paintEvent(QPaintEvent*)
{
    const PlotTheme theme = plotTheme(palette());
    QPainter painter(this);
    const QFontMetricsF metrics(font());
    const QRectF area = QRectF(rect()).adjusted(6.0, metrics.height() + 4.0, -6.0, -metrics.height() - 4.0);
    const auto bars = heights();
    const double tallest = std::max(1.0, *std::max_element(bars.begin(), bars.end()));
    const double step = area.width() / kShownMs;
    const auto x = [&](double ms) { return area.left() + ms * step; };
    for (int ms = 0; ms < kShownMs; ++ms) {
        const double height = area.height() * bars[static_cast<std::size_t>(ms)] / tallest;
        painter.fillRect(QRectF(x(ms) + 0.5, area.bottom() - height, step - 1.0, height),
                         ms < int(kSmoothMs) ? palette().color(QPalette::Highlight) : QColor(214, 96, 77));
    }
    painter.setPen(theme.muted);
    painter.drawLine(area.bottomLeft(), area.bottomRight());
    for (const double ms : {0.0, kSmoothMs, kFrameMs, double(kShownMs - 1)}) {
        const bool limit = ms == kSmoothMs || ms == kFrameMs;
        if (limit)
            painter.drawLine(QPointF(x(ms), area.top()), QPointF(x(ms), area.bottom()));
        const QString text =
            ms == double(kShownMs - 1) ? tr("%1 ms and more").arg(ms) : QLocale().toString(ms, 'f', ms == kFrameMs ? 1 : 0);
        const double width = metrics.horizontalAdvance(text);
        painter.setPen(palette().color(QPalette::WindowText));
        painter.drawText(QPointF(std::clamp(x(ms) - 0.5 * width, area.left(), area.right() - width), area.bottom() + metrics.height()),
                         text);
        if (ms == kFrameMs)
            painter.drawText(QPointF(x(ms) + 4.0, area.top() - 4.0), tr("60 a second"));
        painter.setPen(theme.muted);
    }
}

} // namespace

FrameTimesWindow::FrameTimesWindow(QWidget* parent, FrameRecord& record)
    : QDialog(parent, Qt::Tool), m_record(record), m_bars(new Bars(record.all, this)), m_text(new QLabel(this))
{
    setObjectName(QStringLiteral("frameTimes"));
    setWindowTitle(tr("Frame times"));
    auto* note = new QLabel(tr("From mouse, wheel or key to the finished picture. Drag or zoom the map; frames count while you do."), this);
    note->setWordWrap(true);
    auto* again = new QPushButton(tr("Start again"), this);
    auto* copy = new QPushButton(tr("Copy as JSON"), this);
    auto* buttons = new QHBoxLayout;
    buttons->addStretch();
    buttons->addWidget(copy);
    buttons->addWidget(again);
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(m_text);
    layout->addWidget(m_bars, 1);
    layout->addWidget(note);
    layout->addLayout(buttons);
    connect(again, &QPushButton::clicked, this, [this] {
        m_record = {};
        refresh();
    });
    connect(copy, &QPushButton::clicked, this, [this] { QGuiApplication::clipboard()->setText(QString::fromUtf8(m_record.toJson())); });
    auto* clock = new QTimer(this);
    connect(clock, &QTimer::timeout, this, [this] {
        if (isVisible())
            refresh();
    });
    clock->start(kRefreshMs);
    refresh();
}

FrameTimesWindow& FrameTimesWindow::of(QWidget& parent, FrameRecord& record)
{
    auto* window = parent.findChild<FrameTimesWindow*>(QStringLiteral("frameTimes"), Qt::FindDirectChildrenOnly);
    if (!window)
        window = new FrameTimesWindow(&parent, record);
    window->refresh();
    window->show();
    window->raise();
    return *window;
}

void FrameTimesWindow::refresh()
{
    const FrameSummary all = m_record.all.summary();
    const FrameSummary work = m_record.work.summary();
    const QLocale locale;
    const auto ms = [&locale](double value) { return locale.toString(value, 'f', 1); };
    m_text->setText(all.frames == 0
                        ? tr("No frames yet.")
                        : tr("%1 frames · median %2 ms · 99 % within %3 ms · worst %4 ms\n%5 % within %6 ms · the window's own work: "
                             "median %7, 99 % within %8 ms")
                              .arg(locale.toString(all.frames), ms(all.medianMs), ms(all.p99Ms), ms(all.worstMs), ms(100.0 * all.smooth),
                                   locale.toString(kSmoothMs, 'f', 0), ms(work.medianMs), ms(work.p99Ms)));
    m_bars->update();
}

} // namespace attnscope
