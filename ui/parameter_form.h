// SPDX-License-Identifier: GPL-3.0-or-later
// The controls of one method, built from its ParamSpecs: slider and number, choice, file, seed.
#pragma once

#include "core/session/session.h"

#include <QWidget>

class QFormLayout;

namespace attnscope {

struct MethodInfo;

class ParameterForm : public QWidget {
    Q_OBJECT

public:
    explicit ParameterForm(QWidget* parent = nullptr);

    /// Rebuilds the controls; values that `setting` doesn't name show their defaults.
    void setMethod(const MethodInfo& info, const MethodSetting& setting);

Q_SIGNALS:
    /// Any control was moved; live while a slider is dragged.
    void edited(const attnscope::MethodSetting& setting);

private:
    QWidget* makeNumber(const ParamSpec& spec, double value);
    QWidget* makeChoice(const ParamSpec& spec, const QString& value);
    QWidget* makeFile(const ParamSpec& spec, const QString& value);
    QWidget* makeSeed();
    void set(const std::string& key, const QString& value);
    QString valueOf(const ParamSpec& spec) const;

    MethodSetting m_setting;
    QFormLayout* m_layout;
};

} // namespace attnscope
