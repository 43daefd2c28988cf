// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of the architectures: scenario, batch, number format, card and the longest length.
#pragma once

#include "ui/architecture/architecture_set.h"

#include <QWidget>

class QComboBox;
class QSpinBox;
class QToolButton;

namespace attnscope {

class ArchitectureControls : public QWidget {
    Q_OBJECT

public:
    explicit ArchitectureControls(ArchitectureSet& set, QWidget* parent = nullptr);

private:
    QComboBox* addBox(const QString& label, const QString& tip);
    void fill();
    void follow();
    void apply();
    void showMeasuring();

    ArchitectureSet& m_set;
    QComboBox* m_scenario;
    QSpinBox* addCount(const QString& prefix, const QString& name, const QString& tip, int most);
    QSpinBox* m_batch;
    QSpinBox* m_turns;
    QSpinBox* m_turnTokens;
    QComboBox* m_format;
    QComboBox* m_card;
    QComboBox* m_longest;
    QToolButton* m_measure;
};

} // namespace attnscope
