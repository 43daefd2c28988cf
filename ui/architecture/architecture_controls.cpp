// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/architecture_controls.h"

#include "ui/architecture/stack_text.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>

namespace attnscope {

namespace {

constexpr int kMostBatch = 4096;
constexpr int kMostTurns = 1000;
constexpr int kMostTurnTokens = 1 << 17;
constexpr int kShown = 13; // letters of a choice where the window is narrow
constexpr Index kLongestLast = Index{1} << 22;

void select(QComboBox& box, const QVariant& data)
{
    const QSignalBlocker quiet(box);
    box.setCurrentIndex(std::max(0, box.findData(data)));
}

void showCount(QSpinBox& box, double value)
{
    const QSignalBlocker quiet(box);
    box.setValue(static_cast<int>(value));
}

} // namespace

ArchitectureControls::ArchitectureControls(ArchitectureSet& set, QWidget* parent) : QWidget(parent), m_set(set)
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    m_scenario = addBox(tr("Scenario"), tr("What is read and written"));
    m_turns = addCount(tr("turns "), tr("Turns"), tr("How many turns are computed together"), kMostTurns);
    m_turnTokens = addCount(tr("of "), tr("Tokens of a turn"), tr("New tokens of each turn"), kMostTurnTokens);
    m_batch = addCount(tr("batch "), tr("Batch"), tr("Sequences at once: times, cache and state are of all of them"), kMostBatch);
    m_card = addBox(tr("Card"), tr("Whose arithmetic, bandwidth and memory: a datasheet's, or measured on this machine"));
    m_measure = new QToolButton(this);
    layout->addWidget(m_measure);
    m_format = addBox(tr("Number format"), tr("Of weights and cache; the state is kept in float32"));
    m_longest = addBox(tr("Longest"), tr("The curves' longest length"));
    layout->setStretchFactor(m_card, 2);
    fill();
    follow();
    for (auto* box : {m_scenario, m_card, m_format, m_longest})
        connect(box, &QComboBox::activated, this, &ArchitectureControls::apply);
    for (auto* count : {m_turns, m_turnTokens, m_batch})
        connect(count, &QSpinBox::valueChanged, this, &ArchitectureControls::apply);
    connect(&set, &ArchitectureSet::choiceChanged, this, &ArchitectureControls::follow);
    connect(m_measure, &QToolButton::clicked, this, [this] { m_set.isAsking() ? m_set.stop() : m_set.remeasure(); });
    for (const auto signal : {&ArchitectureSet::asked, &ArchitectureSet::answered})
        connect(&set, signal, this, &ArchitectureControls::showMeasuring);
    connect(&set, &ArchitectureSet::failed, this, &ArchitectureControls::showMeasuring);
}

void ArchitectureControls::showMeasuring()
{
    m_measure->setVisible(m_set.choice().card == "measured");
    m_measure->setText(m_set.isAsking() ? tr("Stop") : tr("Measure again"));
    m_measure->setToolTip(m_set.isAsking() ? tr("Stop measuring; what has been measured is kept")
                                           : tr("Time the kernels of this machine anew, as when it was busy the last time"));
}

QSpinBox* ArchitectureControls::addCount(const QString& prefix, const QString& name, const QString& tip, int most)
{
    auto* box = new QSpinBox(this);
    box->setRange(1, most);
    box->setPrefix(prefix);
    box->setToolTip(tip);
    box->setAccessibleName(name);
    box->setKeyboardTracking(false);
    layout()->addWidget(box);
    return box;
}

QComboBox* ArchitectureControls::addBox(const QString& label, const QString& tip)
{
    auto* box = new QComboBox(this);
    box->setToolTip(label + QStringLiteral(": ") + tip);
    box->setAccessibleName(label);
    box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    box->setMinimumContentsLength(kShown);
    box->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    layout()->addWidget(box);
    return box;
}

void ArchitectureControls::fill()
{
    m_scenario->addItem(tr("One long prompt"), static_cast<int>(Scenario::Prompt));
    m_scenario->addItem(tr("Long generation"), static_cast<int>(Scenario::Generate));
    m_scenario->addItem(tr("Conversation"), static_cast<int>(Scenario::Conversation));
    for (const auto& name : cardNames())
        if (const auto card = findCard(name))
            m_card->addItem(QString::fromStdString(card->title), QString::fromStdString(name));
    m_card->addItem(tr("This machine, measured"), QStringLiteral("measured"));
    m_format->addItem(tr("as the files say"), QString());
    for (const char* format : {"bf16", "f16", "f32"})
        m_format->addItem(QString::fromLatin1(format), QString::fromLatin1(format));
    for (Index n = Index{1} << 14; n <= kLongestLast; n *= 4)
        m_longest->addItem(tr("up to %1 tokens").arg(tokensText(static_cast<double>(n))), QVariant::fromValue<qlonglong>(n));
}

void ArchitectureControls::follow()
{
    const StackChoice& choice = m_set.choice();
    select(*m_scenario, static_cast<int>(choice.question.scenario));
    select(*m_card, QString::fromStdString(choice.card));
    select(*m_format, QString::fromStdString(choice.dtype));
    select(*m_longest, QVariant::fromValue<qlonglong>(choice.longest));
    showMeasuring();
    showCount(*m_batch, choice.question.batch);
    showCount(*m_turns, choice.question.turns);
    showCount(*m_turnTokens, choice.question.turnTokens);
    for (auto* count : {m_turns, m_turnTokens})
        count->setVisible(choice.question.scenario == Scenario::Conversation);
}

void ArchitectureControls::apply()
{
    m_set.choose([this](StackChoice& choice) {
        choice.question.scenario = static_cast<Scenario>(m_scenario->currentData().toInt());
        choice.question.batch = m_batch->value();
        choice.question.turns = m_turns->value();
        choice.question.turnTokens = m_turnTokens->value();
        choice.card = m_card->currentData().toString().toStdString();
        choice.dtype = m_format->currentData().toString().toStdString();
        choice.longest = m_longest->currentData().toLongLong();
    });
}

} // namespace attnscope
