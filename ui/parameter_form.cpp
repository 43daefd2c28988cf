// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/parameter_form.h"

#include "core/method/attention_method.h"
#include "ui/value_slider.h"

#include <QComboBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QSpinBox>
#include <QToolButton>

namespace attnscope {

namespace {

QString plain(double value) { return QString::number(value, 'g', 9); }

} // namespace

ParameterForm::ParameterForm(QWidget* parent) : QWidget(parent), m_layout(new QFormLayout(this))
{
    m_layout->setContentsMargins(0, 0, 0, 0);
    m_layout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    m_layout->setRowWrapPolicy(QFormLayout::WrapLongRows); // in a narrow panel a label stands above its field
}

void ParameterForm::setMethod(const MethodInfo& info, const MethodSetting& setting)
{
    m_setting = setting;
    while (m_layout->rowCount() > 0)
        m_layout->removeRow(0);
    for (const auto& spec : info.params) {
        const QString value = valueOf(spec);
        QWidget* field = spec.kind == ParamKind::Number   ? makeNumber(spec, value.toDouble())
                         : spec.kind == ParamKind::Choice ? makeChoice(spec, value)
                                                          : makeFile(spec, value);
        field->setToolTip(QString::fromStdString(spec.help));
        const QString unit = spec.unit.empty() ? QString() : QStringLiteral(" (%1)").arg(QString::fromStdString(spec.unit));
        auto* label = new QLabel(QString::fromStdString(spec.label) + unit);
        label->setToolTip(field->toolTip());
        m_layout->addRow(label, field);
    }
    if (info.randomised)
        m_layout->addRow(tr("Seed"), makeSeed());
}

QString ParameterForm::valueOf(const ParamSpec& spec) const
{
    for (const auto& [key, text] : m_setting.params)
        if (key == spec.key)
            return QString::fromStdString(text);
    if (spec.kind == ParamKind::Number)
        return plain(spec.initial);
    return spec.choices.empty() ? QString() : QString::fromStdString(spec.choices.front());
}

void ParameterForm::set(const std::string& key, const QString& value)
{
    const auto same = [&key](const ParamText& param) { return param.first == key; };
    const auto it = std::find_if(m_setting.params.begin(), m_setting.params.end(), same);
    if (it == m_setting.params.end())
        m_setting.params.emplace_back(key, value.toStdString());
    else
        it->second = value.toStdString();
    Q_EMIT edited(m_setting);
}

QWidget* ParameterForm::makeNumber(const ParamSpec& spec, double value)
{
    auto* slider = new ValueSlider(spec.min, spec.max, spec.integer, this);
    slider->setValue(value);
    connect(slider, &ValueSlider::valueChanged, this, [this, key = spec.key](double x) { set(key, plain(x)); });
    return slider;
}

QWidget* ParameterForm::makeChoice(const ParamSpec& spec, const QString& value)
{
    auto* box = new QComboBox(this);
    for (const auto& choice : spec.choices)
        box->addItem(QString::fromStdString(choice));
    box->setCurrentText(value);
    box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    box->setMinimumContentsLength(6);
    connect(box, &QComboBox::currentTextChanged, this, [this, key = spec.key](const QString& text) { set(key, text); });
    return box;
}

QWidget* ParameterForm::makeFile(const ParamSpec& spec, const QString& value)
{
    auto* field = new QWidget(this);
    auto* row = new QHBoxLayout(field);
    row->setContentsMargins(0, 0, 0, 0);
    auto* path = new QLineEdit(value, field);
    path->setPlaceholderText(tr("no file"));
    auto* browse = new QToolButton(field);
    browse->setText(QStringLiteral("…"));
    row->addWidget(path);
    row->addWidget(browse);
    connect(path, &QLineEdit::editingFinished, this, [this, path, key = spec.key] { set(key, path->text()); });
    connect(browse, &QToolButton::clicked, this, [this, path, key = spec.key] {
        const QString file = QFileDialog::getOpenFileName(this, tr("Open array"), path->text(), tr("Arrays (*.npy *.npz *.safetensors)"));
        if (file.isEmpty())
            return;
        path->setText(file);
        set(key, file);
    });
    return field;
}

QWidget* ParameterForm::makeSeed()
{
    auto* box = new QSpinBox(this);
    box->setRange(0, 1'000'000);
    box->setValue(static_cast<int>(m_setting.seed));
    box->setToolTip(tr("Another seed draws other random features."));
    connect(box, &QSpinBox::valueChanged, this, [this](int seed) {
        m_setting.seed = static_cast<std::uint64_t>(seed);
        Q_EMIT edited(m_setting);
    });
    return box;
}

} // namespace attnscope
