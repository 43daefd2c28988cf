// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/methods_panel.h"

#include "ui/method_card.h"
#include "ui/method_picker.h"

#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

namespace attnscope {

namespace {

constexpr int kNarrowest = 200; // a slider, a number and a scroll bar fit side by side

} // namespace

MethodsPanel::MethodsPanel(QWidget* parent) : QWidget(parent), m_add(new QPushButton(tr("Add approximation"), this))
{
    auto* content = new QWidget;
    m_layout = new QVBoxLayout(content);
    m_layout->setContentsMargins(0, 0, 0, 0);
    m_layout->addWidget(m_add);
    m_layout->addStretch(1);
    auto* scroll = new QScrollArea(this);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidget(content);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(4, 4, 4, 4);
    outer->addWidget(scroll);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setMinimumWidth(kNarrowest);
    m_add->setToolTip(tr("Put a second or third approximation on the board"));
    connect(m_add, &QPushButton::clicked, this, &MethodsPanel::chooseAnother);
}

void MethodsPanel::chooseMethod(std::size_t index)
{
    if (index < m_cards.size())
        m_cards[index]->chooseMethod();
}

void MethodsPanel::chooseAnother()
{
    if (!m_add->isEnabled())
        return;
    auto* picker = new MethodPicker({}, this);
    connect(picker, &MethodPicker::helpRequested, this, &MethodsPanel::helpRequested);
    connect(picker, &MethodPicker::chosen, this, [this](const QString& id) { Q_EMIT added({id.toStdString(), {}, 0}); });
    picker->popUpAt(*m_add);
}

void MethodsPanel::addCard()
{
    auto* card = new MethodCard;
    const std::size_t index = m_cards.size();
    m_layout->insertWidget(static_cast<int>(index), card);
    m_cards.push_back(card);
    connect(card, &MethodCard::edited, this, [this, index](const MethodSetting& setting) { Q_EMIT edited(index, setting); });
    connect(card, &MethodCard::selectRequested, this, [this, index] { Q_EMIT selected(index); });
    connect(card, &MethodCard::removeRequested, this, [this, index] { Q_EMIT removed(index); });
    connect(card, &MethodCard::startRequested, this, [this, index] { Q_EMIT startRequested(index); });
    connect(card, &MethodCard::helpRequested, this, &MethodsPanel::helpRequested);
}

void MethodsPanel::setApproximations(const std::vector<MethodSetting>& approximations, std::size_t selectedIndex)
{
    while (m_cards.size() < approximations.size())
        addCard();
    while (m_cards.size() > approximations.size()) {
        m_cards.back()->deleteLater();
        m_cards.pop_back();
    }
    for (std::size_t i = 0; i < m_cards.size(); ++i) {
        m_cards[i]->setSetting(approximations[i]);
        m_cards[i]->setSelected(i == selectedIndex);
        m_cards[i]->setRemovable(approximations.size() > 1);
    }
    m_add->setEnabled(approximations.size() < kMaxApproximations);
}

void MethodsPanel::setWaiting(std::size_t index, bool waiting)
{
    if (index < m_cards.size())
        m_cards[index]->setWaiting(waiting);
}

void MethodsPanel::setSummary(std::size_t index, const QString& text)
{
    if (index < m_cards.size())
        m_cards[index]->setSummary(text);
}

} // namespace attnscope
