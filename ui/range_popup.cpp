// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/range_popup.h"

#include "ui/range_histogram.h"

#include <QCheckBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>

#include <algorithm>
#include <cmath>

namespace attnscope {

RangePopup::RangePopup(QWidget* parent)
    : QFrame(parent, Qt::Popup),
      m_histogram(new RangeHistogram(this)),
      m_low(new QLineEdit(this)),
      m_high(new QLineEdit(this)),
      m_note(new QLabel(this)),
      m_lock(new QCheckBox(tr("&Lock: keep this range for other heads, layers and inputs"), this)),
      m_hideSink(new QCheckBox(tr("&Hide column 0 (sink): leave key 0 out of the automatic range"), this))
{
    setFrameShape(QFrame::StyledPanel);
    auto* numbers = new QHBoxLayout;
    for (auto [text, edit] : {std::pair(tr("Lo&w"), m_low), std::pair(tr("Hi&gh"), m_high)}) {
        auto* label = new QLabel(text, this);
        label->setBuddy(edit);
        edit->setMaximumWidth(110);
        numbers->addWidget(label);
        numbers->addWidget(edit);
        connect(edit, &QLineEdit::editingFinished, this, &RangePopup::takeTyped);
    }
    numbers->addStretch(1);
    auto* rules = new QHBoxLayout;
    addRules(*rules);
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(new QLabel(tr("<b>Colour range of exact and approximations</b>"), this));
    layout->addWidget(m_histogram);
    layout->addLayout(numbers);
    layout->addLayout(rules);
    layout->addWidget(m_note);
    layout->addWidget(m_lock);
    layout->addWidget(m_hideSink);
    connect(m_histogram, &RangeHistogram::dragged, this, &RangePopup::choose);
    connect(m_lock, &QCheckBox::clicked, this, &RangePopup::lockChosen);
    connect(m_hideSink, &QCheckBox::clicked, this, &RangePopup::hideSinkChosen);
}

void RangePopup::addRules(QHBoxLayout& row)
{
    const auto add = [&](const QString& text, const QString& tip, const std::function<void()>& call) {
        auto* button = new QPushButton(text, this);
        button->setToolTip(tip);
        button->setAutoDefault(false);
        row.addWidget(button);
        connect(button, &QPushButton::clicked, this, call);
    };
    const auto by = [this](RangeRule rule) {
        if (const auto range = rangeBy(rule, m_values, m_automatic))
            choose(range->first, range->second);
    };
    add(tr("&Automatic"), tr("Follow the maps: from the smallest to the largest value"), [this] {
        m_range.reset();
        showRange();
        Q_EMIT rangeChosen(m_range);
    });
    add(tr("&Full"), tr("From the smallest to the largest value that is drawn now"), [by] { by(RangeRule::Full); });
    add(tr("99.9 %"), tr("The central 99.9 % of the values"), [by] { by(RangeRule::Percent999); });
    add(tr("99 %"), tr("The central 99 % of the values"), [by] { by(RangeRule::Percent99); });
    add(tr("&3σ"), tr("Mean ± 3 standard deviations, along the colour scale"), [by] { by(RangeRule::ThreeSigma); });
}

void RangePopup::setValues(std::vector<float> values, const ColorScale& automatic)
{
    m_values = std::move(values);
    m_automatic = automatic;
    showRange();
}

void RangePopup::setRange(std::optional<std::pair<double, double>> range, bool locked, bool sinkHidden)
{
    m_range = range;
    m_lock->setChecked(locked);
    m_hideSink->setChecked(sinkHidden);
    showRange();
}

void RangePopup::choose(double low, double high)
{
    m_range = {low, high};
    showRange();
    Q_EMIT rangeChosen(m_range);
}

void RangePopup::takeTyped()
{
    bool lowRead = false;
    bool highRead = false;
    const double low = m_low->text().toDouble(&lowRead);
    const double high = m_high->text().toDouble(&highRead);
    if (!m_low->isModified() && !m_high->isModified())
        return;
    if (lowRead && highRead && std::isfinite(low) && std::isfinite(high) && low < high)
        return choose(low, high);
    showRange();
    m_note->setText(tr("The range needs two numbers, the low one below the high one."));
}

void RangePopup::showRange()
{
    const auto [low, high] = m_range.value_or(std::pair(m_automatic.low, m_automatic.high));
    ColorScale axis = m_automatic;
    axis.low = std::min(low, m_automatic.low);
    axis.high = std::max(high, m_automatic.high);
    m_histogram->setValues(m_values, axis);
    m_histogram->setRange(low, high);
    m_low->setText(QString::number(low, 'g', 6));
    m_high->setText(QString::number(high, 'g', 6));
    m_note->setText(m_range ? tr("Set by hand: values outside take the colours of the ends.") : tr("Automatic: follows the maps."));
}

} // namespace attnscope
