// SPDX-License-Identifier: GPL-3.0-or-later
// A slider with a number beside it; wide positive ranges move by ratios instead of steps.
#pragma once

#include <QWidget>

class QDoubleSpinBox;
class QSlider;

namespace attnscope {

class ValueSlider : public QWidget {
    Q_OBJECT

public:
    ValueSlider(double min, double max, bool integer, QWidget* parent = nullptr);

    double value() const;
    void setValue(double value); ///< emits nothing

Q_SIGNALS:
    void valueChanged(double value);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void fitBox();
    double atPosition(int position) const;
    int positionOf(double value) const;

    double m_min;
    double m_max;
    bool m_integer;
    bool m_logarithmic;
    QSlider* m_slider;
    QDoubleSpinBox* m_box;
};

} // namespace attnscope
