// SPDX-License-Identifier: GPL-3.0-or-later
// One approximation in the methods panel: its method, its parameters, its figures.
#pragma once

#include "core/session/session.h"

#include <QFrame>

class QLabel;
class QPushButton;
class QRadioButton;
class QToolButton;

namespace attnscope {

class ParameterForm;

class MethodCard : public QFrame {
    Q_OBJECT

public:
    explicit MethodCard(QWidget* parent = nullptr);

    void setSetting(const MethodSetting& setting);
    void setSelected(bool selected);
    void setRemovable(bool removable);
    void setSummary(const QString& text);
    void chooseMethod();           ///< opens the list of methods
    void setWaiting(bool waiting); ///< shows the button that starts a long calculation

Q_SIGNALS:
    void edited(const attnscope::MethodSetting& setting);
    void selectRequested();
    void removeRequested();
    void startRequested();
    void helpRequested(const QString& methodId);

private:
    void rebuild();

    MethodSetting m_setting;
    QRadioButton* m_select;
    QToolButton* m_method;
    QToolButton* m_remove;
    ParameterForm* m_form;
    QLabel* m_summary;
    QPushButton* m_start;
};

} // namespace attnscope
