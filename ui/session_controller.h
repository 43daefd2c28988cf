// SPDX-License-Identifier: GPL-3.0-or-later
// Holds the session and its results; turns a changed session into jobs (planner) and their results into signals.
#pragma once

#include "core/inputs/document.h"
#include "core/jobs/job_queue.h"
#include "core/session/evaluation.h"
#include "core/session/head_stats.h"
#include "core/session/planner.h"

#include <QImage>
#include <QObject>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace attnscope {

/// One approximation as far as it is computed.
struct ApproximationState {
    MethodSetting setting;
    std::shared_ptr<const Comparison> comparison; ///< null while nothing is computed yet
    std::shared_ptr<const ScoreSource> error;     ///< approximation against exact, by the session's metric
    std::optional<ComparisonMetrics> metrics;     ///< none while they are being measured
    std::optional<Error> failure;                 ///< why there is no comparison
    std::optional<Error> unmeasured;              ///< why there are no metrics
    bool busy = false;
    bool waits = false; ///< for a person, because it takes long or was cancelled: startLong() starts it; the failure says why

    /// A setting without a map.
    static ApproximationState failed(MethodSetting setting, Error why, bool waits = false)
    {
        ApproximationState state;
        state.setting = std::move(setting);
        state.failure = std::move(why);
        state.waits = waits;
        return state;
    }
};

/// All results that the board shows.
struct BoardState {
    std::shared_ptr<const Document> document;
    std::shared_ptr<const LayerInputs> layer;
    Inputs head; ///< [1, 1, N, D] of the chosen head
    std::optional<HeadResult> exact;
    std::optional<Error> failure;              ///< why there is no exact map
    std::shared_ptr<const RowStatistics> rows; ///< of the exact map; null while they are not computed, and of long inputs on the CPU
    std::vector<ApproximationState> approximations;
    std::vector<ApproximationState> references; ///< uniform and best rank r: the lines beside the metrics
};

/// What stands in place of what a person cancelled.
Error cancelledByHand();

class SessionController : public QObject {
    Q_OBJECT

public:
    /// `backends`: what the session's compute choice can name.
    explicit SessionController(RunContext context, QObject* parent = nullptr, std::vector<const Backend*> backends = {&cpuBackend()});
    ~SessionController() override;

    const Session& session() const { return m_session; }
    const BoardState& board() const { return m_board; }
    JobQueue& jobs() { return *m_jobs; }
    const std::vector<const Backend*>& backends() const { return m_backends; }
    /// Where the session's choice is computed on this machine.
    ChosenBackend chosenBackend() const { return chooseBackend(m_backends, m_session.compute); }

    /// What a person changes: computes what the planner says, and is a step that can be undone. Another input, layer or head
    /// drops a colour range that isn't locked.
    void edit(const std::function<void(Session&)>& change);
    /// Notes what is on screen already: computes nothing, tells nobody, is no step.
    void amend(const std::function<void(Session&)>& change) { change(m_session); }
    /// A whole session, as it was before a step or before a crash; is no step.
    void restore(const Session& session);

    /// A session file, a text or a tensor file. A session whose input or model is gone changes nothing: inputMissing().
    void openPath(const QString& path);
    void openText(const QString& text);
    /// A step. `file`: where it was read; may be empty. False where its input is missing.
    bool openSession(const Session& session, const QString& file);
    /// Whether the board's document is the session's, and no other is being opened.
    bool showsItsInput() const { return m_board.document && m_shownInput.opensTheSame(m_session.input); }
    void reload();
    /// Nothing starts by itself from then on until the next edit, reload() or startAllLong().
    void cancelAll();
    bool rests() const { return m_rests; }

    /// An approximation that waits: it was cancelled, or will take long (see core/session/time_estimate.h).
    void startLong(std::size_t index);
    /// Metrics are of these queries alone; ascending, each once. Empty: of all.
    void setMeasuredQueries(std::vector<Index> rows);
    /// Everything that waits: for consent, or because it was cancelled.
    void startAllLong();

    /// Another layer and head, within what the input has.
    void step(int layers, int heads);
    void stepMethod(int step); ///< of the selected approximation, to another one in the list

    bool causal() const; ///< the session's choice, else the input's own
    Errc lastFailure() const { return m_lastFailure; }
    const QString& inputText() const { return m_inputText; } ///< the text that is open; empty for tensors

Q_SIGNALS:
    void sessionChanged();  ///< controls must follow
    void sessionRestored(); ///< comes before sessionChanged(): zoom and docks must follow too
    void edited(const attnscope::Session& before, const attnscope::Session& after);
    void sessionOpened(const QString& file);
    void inputMissing(const attnscope::Session& session, const QString& file); ///< of a session that wasn't opened
    void inputChanged(const QString& path);                                    ///< the file isn't what it was when the session was saved
    void inputRejected();                                                      ///< the last step's input could not be opened
    void documentChanged();                                                    ///< another input is open
    void boardChanged();                                                       ///< a map came, went or failed
    void metricsChanged();
    void thumbnailReady(int layer, int head, const QImage& image);
    void headMeasured(int layer, int head, const attnscope::HeadStats& stats);
    void failed(const QString& what, const QString& hint);
    void jobsChanged();
    void settled(); ///< nothing is running any more

private:
    void apply(const Session& after);
    void openInput(InputChoice input);
    void keepFallback(const Session& after);
    void announce(const std::vector<PlannedJob>& jobs);
    void rejectInput(const Error& error);
    void startCheck();
    void run(const std::vector<PlannedJob>& jobs);
    void startOpenInput();
    void startLoadLayer(bool evenIfLong = false);
    void holdLayer(const Error& message);
    void startExact();
    void startApproximation(std::size_t index, bool evenIfLong = false);
    void startMetrics(std::vector<ApproximationState>& list, std::size_t index, const std::string& slot);
    void startRowStatistics();
    void measureAgain(std::vector<ApproximationState>& list, const char* slot);
    void startReferences();
    void startReference(std::size_t index, const MethodSetting& setting);
    void startThumbnails();
    void makeError(ApproximationState& state) const;
    void fail(const Error& error);
    void selectHead();
    void clampToDocument();

    static constexpr const char* kMetricsSlot = "metrics";
    static constexpr const char* kReferenceMetricsSlot = "referenceMetrics";

    /// Into the controller's queue, in a slot: `done` gets Errc::Cancelled where a person cancelled the job, and isn't called where
    /// another job or stop() took its place.
    template <class Work, class Done>
    void start(const std::string& slot, const std::string& title, Lane lane, Work work, Done done)
    {
        const auto number = ++m_latest[slot];
        m_jobs->replace(slot, title, lane, std::move(work), [this, slot, number, done = std::move(done)](auto result) {
            if (m_latest[slot] == number)
                done(std::move(result));
        });
    }
    void stop(const std::string& slot);

    std::vector<const Backend*> m_backends;
    Session m_session;
    BoardState m_board;
    InputChoice m_shownInput;          ///< of m_board.document
    std::optional<Session> m_fallback; ///< what to go back to where the input that is being opened is refused
    QString m_inputText;               ///< likewise
    bool m_thumbnailsWanted = false;
    std::vector<Index> m_measuredQueries;
    bool m_layerWaits = false;                     ///< m_board.failure says why
    bool m_rests = false;                          ///< everything was cancelled
    bool m_thumbnailsWait = false;                 ///< they were cancelled
    std::map<std::string, std::uint64_t> m_latest; ///< job of each slot
    Errc m_lastFailure = Errc::Io;
    std::unique_ptr<JobQueue> m_jobs;
};

} // namespace attnscope
