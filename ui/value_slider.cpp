// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/value_slider.h"

#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QSignalBlocker>
#include <QSlider>

#include <cmath>

namespace attnscope {

namespace {

constexpr int kPositions = 400;
constexpr int kNarrowBox = 72;
constexpr int kArrows = 30;
constexpr double kWideRatio = 64.0; // from here on equal ratios are more useful than equal steps

} // namespace

ValueSlider::ValueSlider(double min, double max, bool integer, QWidget* parent)
    : QWidget(parent),
      m_min(min),
      m_max(max),
      m_integer(integer),
      m_logarithmic(max >= kWideRatio * std::max(1.0, min) && min >= 0.0),
      m_slider(new QSlider(Qt::Horizontal, this)),
      m_box(new QDoubleSpinBox(this))
{
    m_slider->setRange(0, integer && max - min < kPositions && !m_logarithmic ? static_cast<int>(max - min) : kPositions);
    m_slider->setMinimumWidth(40);
    m_box->setRange(min, max);
    m_box->setDecimals(integer ? 0 : 3);
    m_box->setKeyboardTracking(false);
    fitBox();
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(m_slider, 1);
    row->addWidget(m_box);
    setFocusProxy(m_slider);
    m_slider->installEventFilter(this);
    connect(m_slider, &QSlider::valueChanged, this, [this](int position) { m_box->setValue(atPosition(position)); });
    connect(m_box, &QDoubleSpinBox::valueChanged, this, [this](double value) {
        const QSignalBlocker quiet(m_slider);
        m_slider->setValue(positionOf(value));
        Q_EMIT valueChanged(value);
    });
}

// Six digits and the arrows.
void ValueSlider::fitBox()
{
    m_box->setFixedWidth(std::max(kNarrowBox, fontMetrics().horizontalAdvance(QStringLiteral("000000")) + kArrows));
}

void ValueSlider::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange || event->type() == QEvent::ApplicationFontChange)
        fitBox();
}

bool ValueSlider::eventFilter(QObject* watched, QEvent* event)
{
    // The window's shortcuts (arrows step heads and layers) must not take a focused slider's keys.
    if (event->type() == QEvent::ShortcutOverride) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        for (const int own :
             {Qt::Key_Left, Qt::Key_Right, Qt::Key_Up, Qt::Key_Down, Qt::Key_Home, Qt::Key_End, Qt::Key_PageUp, Qt::Key_PageDown})
            if (key == own) {
                event->accept();
                return true;
            }
    }
    return QWidget::eventFilter(watched, event);
}

double ValueSlider::value() const { return m_box->value(); }

void ValueSlider::setValue(double value)
{
    const QSignalBlocker quietBox(m_box);
    const QSignalBlocker quietSlider(m_slider);
    m_box->setValue(value);
    m_slider->setValue(positionOf(value));
}

double ValueSlider::atPosition(int position) const
{
    const double t = static_cast<double>(position) / m_slider->maximum();
    // log1p keeps a range that starts at 0 on the slider.
    const double value =
        m_logarithmic ? std::expm1(std::log1p(m_min) + t * (std::log1p(m_max) - std::log1p(m_min))) : m_min + t * (m_max - m_min);
    return m_integer ? std::round(value) : value;
}

int ValueSlider::positionOf(double value) const
{
    const double t = m_logarithmic ? (std::log1p(value) - std::log1p(m_min)) / (std::log1p(m_max) - std::log1p(m_min))
                                   : (value - m_min) / std::max(1e-300, m_max - m_min);
    return static_cast<int>(std::lround(t * m_slider->maximum()));
}

} // namespace attnscope
