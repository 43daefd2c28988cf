// SPDX-License-Identifier: GPL-3.0-or-later
// How often each value is drawn, along the colour scale, with two handles for the ends of the colour range.
#pragma once

#include "core/color/color_scale.h"

#include <QWidget>

#include <utility>
#include <vector>

namespace attnscope {

class RangeHistogram : public QWidget {
    Q_OBJECT

public:
    explicit RangeHistogram(QWidget* parent = nullptr);

    /// `axis` spans the widget; values outside it count at its ends.
    void setValues(const std::vector<float>& values, const ColorScale& axis);
    void setRange(double low, double high); ///< emits nothing
    std::pair<double, double> range() const { return {m_low, m_high}; }

    QSize sizeHint() const override { return {340, 110}; }

Q_SIGNALS:
    void dragged(double low, double high); ///< while a handle moves; low < high

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;

private:
    QRect plotRect() const;
    int pixelOf(double value) const;
    void moveHandle(int x);
    void drawBars(QPainter& painter, const QRect& plot) const;
    void drawAxis(QPainter& painter, const QRect& plot) const;

    ColorScale m_axis;
    std::vector<int> m_counts;
    double m_low = 0.0;
    double m_high = 1.0;
    int m_handle = 0; // -1: low, 1: high is being dragged
};

} // namespace attnscope
