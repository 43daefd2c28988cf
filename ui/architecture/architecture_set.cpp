// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/architecture_set.h"

#include "ui/architecture/architecture_files.h"

#include <QPointer>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr const char* kSlot = "architectures";

Architecture inFormat(Architecture architecture, const std::string& dtype)
{
    if (!dtype.empty()) {
        architecture.dtype = dtype;
        architecture.elementBytes = dtype == "f32" ? 4 : 2;
    }
    return architecture;
}

/// Those that say the same as the curves: of architectures that nobody changed.
std::vector<StackMark> marksOf(const StackSession& session, const StackAnswer& answer, const std::vector<PublishedMark>& published)
{
    std::vector<StackMark> marks;
    for (const auto& mark : published)
        for (std::size_t i = 0; i < session.entries.size(); ++i) {
            const auto& entry = session.entries[i];
            const bool asked = mark.batch == session.choice.question.batch && answer.card.title.find(mark.hardware) != std::string::npos;
            if (asked && mark.n >= static_cast<double>(kShortestStack) && !isChanged(entry) && entry.bundled == mark.architecture)
                marks.push_back({i, mark});
        }
    return marks;
}

void addMarks(const StackSession& session, StackAnswer& answer)
{
    const auto studies = publishedStudies();
    const Scenario scenario = session.choice.question.scenario;
    if (!studies || !session.choice.dtype.empty() || scenario == Scenario::Conversation)
        return;
    answer.prefillMarks = marksOf(session, answer, publishedMarks(*studies, "prefill"));
    if (scenario == Scenario::Generate) // published with n tokens in and n out
        answer.decodeMarks = marksOf(session, answer, publishedMarks(*studies, "decode"));
}

} // namespace

std::vector<Index> stackLengths(Index longest)
{
    constexpr double kPerDoubling = 4.0;
    std::vector<Index> lengths;
    for (int i = 0;; ++i) {
        const auto n = static_cast<Index>(std::llround(static_cast<double>(kShortestStack) * std::exp2(i / kPerDoubling)));
        if (n > longest)
            return lengths;
        lengths.push_back(n);
    }
}

Result<StackAnswer> answerStack(const StackSession& session, const RunContext& context, bool remeasure)
{
    const StackChoice& choice = session.choice;
    StackAnswer answer;
    for (const auto& entry : session.entries)
        answer.architectures.push_back(inFormat(entry.shown, choice.dtype));
    const auto& all = answer.architectures;
    auto card = choice.card == "measured" ? measuredCard(all, remeasure, context) : findCard(choice.card);
    if (!card)
        return card.error();
    answer.card = std::move(card).value();
    answer.choice = choice;
    answer.lengths = stackLengths(choice.longest);
    for (const auto& architecture : all) {
        if (context.cancelled())
            return cancelledError();
        answer.curves.push_back(curveOf(architecture, answer.card, choice.question, answer.lengths));
    }
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t j = i + 1; j < all.size(); ++j) {
            if (context.cancelled())
                return cancelledError();
            const auto found = crossoversOf(all[i], all[j], answer.card, choice.question, answer.lengths);
            answer.crossovers.insert(answer.crossovers.end(), found.begin(), found.end());
        }
    for (const StackUse use : stackUses())
        if (!all.empty())
            answer.decisions.push_back(decide(all, answer.card, {use}));
    addMarks(session, answer);
    return answer;
}

ArchitectureSet::ArchitectureSet(JobQueue& jobs, QObject* parent) : QObject(parent), m_jobs(jobs) {}

std::string ArchitectureSet::freeName(const std::string& wanted) const
{
    const auto taken = [this](const std::string& name) {
        return std::any_of(m_entries.begin(), m_entries.end(), [&](const auto& entry) { return entry.shown.name == name; });
    };
    std::string name = wanted;
    for (int number = 2; taken(name); ++number)
        name = wanted + " (" + std::to_string(number) + ")";
    return name;
}

Result<void> ArchitectureSet::add(const QString& path)
{
    auto read = openStackFile(path);
    if (!read)
        return read.error();
    if (holdsStackSession(path)) {
        if (read->entries.size() > kMost)
            return Error{Errc::Unsupported, "The file holds more than " + std::to_string(kMost) + " architectures.", "Open fewer at once."};
        replaceAll(std::move(read->entries), read->choice);
        return {};
    }
    return add(std::move(read->entries.front()));
}

Result<void> ArchitectureSet::add(StackEntry entry)
{
    if (m_entries.size() >= kMost)
        return Error{Errc::Unsupported, "There are " + std::to_string(kMost) + " architectures side by side already.", "Remove one first."};
    entry.shown.name = entry.file.name = freeName(entry.shown.name);
    m_entries.push_back(std::move(entry));
    Q_EMIT entriesChanged();
    ask();
    return {};
}

void ArchitectureSet::remove(std::size_t index)
{
    if (index >= m_entries.size())
        return;
    m_entries.erase(m_entries.begin() + static_cast<std::ptrdiff_t>(index));
    Q_EMIT entriesChanged();
    ask();
}

void ArchitectureSet::edit(std::size_t index, const std::function<void(Architecture&)>& change)
{
    if (index >= m_entries.size())
        return;
    change(m_entries[index].shown);
    Q_EMIT entriesChanged();
    ask();
}

void ArchitectureSet::reset(std::size_t index)
{
    edit(index, [this, index](Architecture& shown) { shown = m_entries[index].file; });
}

void ArchitectureSet::replaceAll(std::vector<StackEntry> entries, const StackChoice& choice)
{
    m_entries = std::move(entries);
    m_choice = choice;
    Q_EMIT choiceChanged();
    Q_EMIT entriesChanged();
    ask();
}

void ArchitectureSet::choose(const std::function<void(StackChoice&)>& change)
{
    StackChoice after = m_choice;
    change(after);
    if (after == m_choice)
        return;
    m_choice = after;
    Q_EMIT choiceChanged();
    ask();
}

std::vector<Architecture> ArchitectureSet::shown() const
{
    std::vector<Architecture> architectures;
    for (const auto& entry : m_entries)
        architectures.push_back(entry.shown);
    return architectures;
}

void ArchitectureSet::remeasure() { ask(true); }

void ArchitectureSet::stop() { m_jobs.cancelSlot(kSlot); }

void ArchitectureSet::ask(bool remeasure)
{
    m_asking = true;
    m_remeasures = remeasure;
    Q_EMIT asked();
    m_jobs.replace(
        kSlot, remeasure ? "Measuring this machine's kernels" : "Predicting architectures", Lane::Interactive,
        [session = StackSession{m_entries, m_choice}, remeasure](const RunContext& context) {
            return answerStack(session, context, remeasure);
        },
        [self = QPointer<ArchitectureSet>(this), number = ++m_latest](Result<StackAnswer> answer) {
            if (!self || number != self->m_latest)
                return; // another question took its place
            self->m_asking = false;
            if (answer) {
                self->m_answer = std::move(answer).value();
                Q_EMIT self->answered();
            } else if (answer.error().code == Errc::Cancelled) {
                Q_EMIT self->failed(tr("Cancelled: these are not the numbers that were asked for."), tr("Any change asks again."));
            } else {
                Q_EMIT self->failed(QString::fromStdString(answer.error().what), QString::fromStdString(answer.error().hint));
            }
        });
}

} // namespace attnscope
