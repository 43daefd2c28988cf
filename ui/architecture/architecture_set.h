// SPDX-License-Identifier: GPL-3.0-or-later
// The architectures that stand side by side, what is asked of them, and the answers: computed on a worker, the latest question wins.
#pragma once

#include "core/jobs/job_queue.h"
#include "core/stack/decision_helper.h"
#include "core/stack/published_figures.h"
#include "core/stack/stack_session.h"

#include <QObject>
#include <QString>

#include <functional>
#include <vector>

namespace attnscope {

/// A published figure of one of the architectures, measured as it is asked now: same batch, same hardware, same scenario.
struct StackMark {
    std::size_t architecture = 0;
    PublishedMark published;
};

/// Of the architectures at the moment of asking, one curve each.
struct StackAnswer {
    Card card;
    StackChoice choice;
    std::vector<Architecture> architectures; ///< in the chosen number format
    std::vector<Index> lengths;
    std::vector<std::vector<StackPoint>> curves; ///< of conversations first all lengths without prefix reuse, then all with it
    std::vector<StackCrossover> crossovers;
    std::vector<Decision> decisions; ///< one a use
    std::vector<StackMark> prefillMarks;
    std::vector<StackMark> decodeMarks;
};

/// kShortestStack to `longest`, four to the doubling.
std::vector<Index> stackLengths(Index longest);
inline constexpr Index kShortestStack = 256;

/// Curves and crossovers of every pair. `remeasure`: kernels of this machine are timed anew, whatever is known of them. Errors as
/// findCard(); Cancelled.
Result<StackAnswer> answerStack(const StackSession& session, const RunContext& context, bool remeasure = false);

class ArchitectureSet : public QObject {
    Q_OBJECT

public:
    static constexpr std::size_t kMost = 8;

    explicit ArchitectureSet(JobQueue& jobs, QObject* parent = nullptr);

    const std::vector<StackEntry>& entries() const { return m_entries; }
    std::vector<Architecture> shown() const;
    const StackChoice& choice() const { return m_choice; }
    const StackAnswer& answer() const { return m_answer; } ///< of the last question that was answered

    /// A config.json, a folder with one, a file of resources/architectures; saved architectures take the place of all. What can't be
    /// read changes nothing.
    Result<void> add(const QString& path);
    Result<void> add(StackEntry entry);
    void remove(std::size_t index);
    void edit(std::size_t index, const std::function<void(Architecture&)>& change);
    void reset(std::size_t index); ///< as its file says
    void replaceAll(std::vector<StackEntry> entries, const StackChoice& choice);
    void choose(const std::function<void(StackChoice&)>& change);
    void remeasure(); ///< the kernels of this machine
    void stop();      ///< what was asked last

    bool isAsking() const { return m_asking; }
    bool isMeasuring() const { return m_asking && m_remeasures; } ///< anew

Q_SIGNALS:
    void entriesChanged(); ///< one came, went or was changed
    void choiceChanged();
    void asked(); ///< answered() or failed() will come; also for what a person cancels
    void answered();
    void failed(const QString& what, const QString& hint);

private:
    void ask(bool remeasure = false);
    std::string freeName(const std::string& wanted) const;

    JobQueue& m_jobs;
    std::vector<StackEntry> m_entries;
    StackChoice m_choice;
    StackAnswer m_answer;
    std::uint64_t m_latest = 0; ///< question
    bool m_asking = false;
    bool m_remeasures = false;
};

} // namespace attnscope
