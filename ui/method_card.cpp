// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/method_card.h"

#include "core/method/registry.h"
#include "ui/method_picker.h"
#include "ui/parameter_form.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QRadioButton>
#include <QToolButton>
#include <QVBoxLayout>

namespace attnscope {

MethodCard::MethodCard(QWidget* parent)
    : QFrame(parent),
      m_select(new QRadioButton(this)),
      m_method(new QToolButton(this)),
      m_remove(new QToolButton(this)),
      m_form(new ParameterForm(this)),
      m_summary(new QLabel(this)),
      m_start(new QPushButton(tr("Compute all the same"), this))
{
    setFrameShape(QFrame::StyledPanel);
    m_method->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    m_method->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_method->setArrowType(Qt::DownArrow);
    m_method->setFocusPolicy(Qt::StrongFocus);
    m_select->setToolTip(tr("Show the error of this approximation"));
    m_select->setAutoExclusive(false);
    m_remove->setText(QStringLiteral("×"));
    m_remove->setAutoRaise(true);
    m_remove->setToolTip(tr("Remove this approximation from the board"));
    auto* help = new QToolButton(this);
    help->setText(QStringLiteral("?"));
    help->setAutoRaise(true);
    help->setToolTip(tr("What this method does, its formula and its source"));
    m_summary->setWordWrap(true);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse);

    auto* head = new QHBoxLayout;
    head->addWidget(m_select);
    head->addWidget(m_method, 1);
    head->addWidget(help);
    head->addWidget(m_remove);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(6, 6, 6, 6);
    layout->addLayout(head);
    layout->addWidget(m_form);
    layout->addWidget(m_summary);
    layout->addWidget(m_start);
    m_start->hide();
    m_start->setToolTip(tr("Start the calculation, however long it takes; Ctrl+. cancels it"));
    connect(m_start, &QPushButton::clicked, this, &MethodCard::startRequested);

    connect(m_select, &QRadioButton::clicked, this, &MethodCard::selectRequested);
    connect(m_remove, &QToolButton::clicked, this, &MethodCard::removeRequested);
    connect(help, &QToolButton::clicked, this, [this] { Q_EMIT helpRequested(QString::fromStdString(m_setting.id)); });
    connect(m_method, &QToolButton::clicked, this, &MethodCard::chooseMethod);
    connect(m_form, &ParameterForm::edited, this, [this](const MethodSetting& setting) {
        m_setting = setting;
        Q_EMIT edited(m_setting);
    });
}

void MethodCard::chooseMethod()
{
    auto* picker = new MethodPicker(QString::fromStdString(m_setting.id), this);
    connect(picker, &MethodPicker::helpRequested, this, &MethodCard::helpRequested);
    connect(picker, &MethodPicker::chosen, this, [this](const QString& id) {
        m_setting = {id.toStdString(), {}, m_setting.seed};
        rebuild();
        Q_EMIT edited(m_setting);
    });
    picker->popUpAt(*m_method);
}

void MethodCard::rebuild()
{
    const auto* method = findMethod(m_setting.id);
    m_method->setText(QString::fromStdString(method ? method->info().title : m_setting.id));
    if (!method)
        return;
    m_form->setMethod(method->info(), m_setting);
    m_method->setToolTip(tr("%1: %2\nClick or press M for another method.")
                             .arg(QString::fromStdString(method->info().title), QString::fromStdString(method->info().summary)));
}

void MethodCard::setSetting(const MethodSetting& setting)
{
    if (setting == m_setting)
        return; // a slider that is being dragged is the source of this value: leave it alone
    m_setting = setting;
    rebuild();
}

void MethodCard::setSelected(bool selected) { m_select->setChecked(selected); }

void MethodCard::setRemovable(bool removable) { m_remove->setEnabled(removable); }

void MethodCard::setWaiting(bool waiting) { m_start->setVisible(waiting); }

void MethodCard::setSummary(const QString& text) { m_summary->setText(text); }

} // namespace attnscope
