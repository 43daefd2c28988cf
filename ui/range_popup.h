// SPDX-License-Identifier: GPL-3.0-or-later
// The colour range of exact and approximations: histogram with handles, exact numbers, automatic rules, a lock.
#pragma once

#include "core/color/range_rule.h"

#include <QFrame>

class QCheckBox;
class QHBoxLayout;
class QLabel;
class QLineEdit;

namespace attnscope {

class RangeHistogram;

class RangePopup : public QFrame {
    Q_OBJECT

public:
    explicit RangePopup(QWidget* parent);

    /// `values` are what the maps draw; `automatic` is the scale without a range of one's own.
    void setValues(std::vector<float> values, const ColorScale& automatic);
    /// None: automatic. Emits nothing.
    void setRange(std::optional<std::pair<double, double>> range, bool locked, bool sinkHidden);

Q_SIGNALS:
    void rangeChosen(const std::optional<std::pair<double, double>>& range); ///< none: automatic
    void lockChosen(bool locked);
    void hideSinkChosen(bool hide);

private:
    void addRules(QHBoxLayout& row);
    void choose(double low, double high);
    void takeTyped();
    void showRange();

    std::vector<float> m_values;
    ColorScale m_automatic;
    std::optional<std::pair<double, double>> m_range;
    RangeHistogram* m_histogram;
    QLineEdit* m_low;
    QLineEdit* m_high;
    QLabel* m_note;
    QCheckBox* m_lock;
    QCheckBox* m_hideSink;
};

} // namespace attnscope
