// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/session_controller.h"

#include "core/inputs/text_file.h"
#include "core/io/param_files.h"
#include "core/method/registry.h"
#include "core/scores/difference.h"
#include "core/session/head_maps.h"
#include "core/session/open_session_input.h"
#include "core/session/time_estimate.h"

#include "ui/head_grid.h"
#include "ui/plot_theme.h"

#include <QFileInfo>
#include <QTimer>

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kMessageDelayMs = 300;
constexpr int kThumbnailPixels = 64;
constexpr Index kRankShare = 4;
constexpr Index kReferenceRank = 64; // of the best-rank-r line where no approximation names a rank

std::string slotName(const char* what, std::size_t index) { return std::string(what) + std::to_string(index); }

/// A comparison, or how long it would take.
struct Outcome {
    std::shared_ptr<const Comparison> comparison;
    std::optional<Error> tooLong;
};

Result<Outcome> compareSetting(const HeadResult& exact, const MethodSetting& setting, const Inputs& inputs, bool evenIfLong,
                               const RunContext& context)
{
    const auto method = requireMethod(setting.id);
    if (!method)
        return method.error();
    auto params = makeParams((*method)->info().params, setting.params, setting.seed);
    if (!params)
        return params.error();
    if (auto loaded = loadParamFiles((*method)->info().params, *params); !loaded)
        return loaded.error();
    if (!evenIfLong)
        if (auto tooLong = longRun(**method, inputs, *params, context))
            return Outcome{nullptr, std::move(tooLong)};
    auto comparison = compareWith(exact, **method, inputs, *params, context);
    if (!comparison)
        return comparison.error();
    return Outcome{std::make_shared<const Comparison>(*std::move(comparison)), std::nullopt};
}

struct OpenedInput {
    std::shared_ptr<const Document> document;
    QString text; ///< empty for tensors
};

Result<OpenedInput> openWithText(const InputChoice& input, const RunContext& context)
{
    auto document = openSessionInput(input, context);
    if (!document)
        return document.error();
    OpenedInput opened{*document, {}};
    if (opened.document->info().model.empty())
        return opened;
    if (input.path.empty())
        opened.text = QString::fromStdString(input.text);
    else if (const auto text = readTextFile(input.path); text.ok())
        opened.text = QString::fromStdString(*text);
    return opened;
}

} // namespace

SessionController::SessionController(RunContext context, QObject* parent) : QObject(parent)
{
    m_jobs = std::make_unique<JobQueue>(
        [this](std::function<void()> call) { QMetaObject::invokeMethod(this, std::move(call), Qt::QueuedConnection); }, std::move(context));
    m_jobs->onChange([this] {
        Q_EMIT jobsChanged();
        if (m_jobs->idle())
            Q_EMIT settled();
    });
}

SessionController::~SessionController() = default;

bool SessionController::causal() const { return m_session.causal.value_or(m_board.document && m_board.document->info().causal); }

void SessionController::edit(const std::function<void(Session&)>& change)
{
    Session after = m_session;
    change(after);
    const bool sameMap = after.input == m_session.input && after.layer == m_session.layer && after.head == m_session.head;
    if (!sameMap && !after.view.lockRange)
        after.view.range.reset();
    apply(after);
}

void SessionController::apply(const Session& after)
{
    const auto jobs = plan(&m_session, after);
    m_session = after;
    m_board.approximations.resize(m_session.approximations.size());
    Q_EMIT sessionChanged();
    if (!jobs.empty() && jobs.front().task == Task::Repaint)
        Q_EMIT boardChanged();
    else
        run(jobs);
}

void SessionController::openPath(const QString& path)
{
    const std::filesystem::path file = path.toStdString();
    if (file.extension() == ".json" && QFileInfo(path).isFile()) {
        auto session = loadSession(file);
        if (!session)
            return fail(session.error());
        return apply(*session);
    }
    edit([&](Session& session) {
        session.input = {};
        session.input.path = file.string();
        session.input.model = m_session.input.model;
        session.causal.reset();
        session.view.unpin();
    });
}

void SessionController::openText(const QString& text)
{
    edit([&](Session& session) {
        const auto model = session.input.model;
        session.input = {};
        session.input.text = text.toStdString();
        session.input.model = model;
        session.causal.reset();
        session.view.unpin();
    });
}

void SessionController::reload() { run(plan(nullptr, m_session)); }

void SessionController::cancelAll()
{
    for (const auto& job : m_jobs->jobs())
        m_jobs->cancel(job.id);
    if (m_board.exact)
        return;
    m_board.failure = Error{Errc::Cancelled, "The calculation was cancelled.", "Press F5 to start it again."};
    Q_EMIT boardChanged();
}

void SessionController::step(int layers, int heads)
{
    if (!m_board.document)
        return;
    const auto& info = m_board.document->info();
    edit([&](Session& session) {
        session.layer = std::clamp<Index>(session.layer + layers, 0, std::max<Index>(0, static_cast<Index>(info.layerNames.size()) - 1));
        session.head.head = std::clamp<Index>(session.head.head + heads, 0, info.heads - 1);
    });
}

void SessionController::run(const std::vector<PlannedJob>& jobs)
{
    // The first of input, layer and exact starts the chain; each one's end starts the next.
    for (const auto& job : jobs)
        m_thumbnailsWanted |= job.task == Task::Thumbnails;
    for (const auto& [task, index] : jobs)
        switch (task) {
        case Task::OpenInput:
            return startOpenInput();
        case Task::LoadLayer:
            return startLoadLayer();
        case Task::Exact:
            return startExact();
        case Task::Approximation:
            startApproximation(index);
            break;
        case Task::ErrorMap:
            makeError(m_board.approximations[index]);
            break;
        case Task::Thumbnails:
        case Task::Repaint:
            break;
        }
    Q_EMIT boardChanged();
}

void SessionController::fail(const Error& error)
{
    m_lastFailure = error.code;
    if (error.code != Errc::Cancelled)
        Q_EMIT failed(QString::fromStdString(error.what), QString::fromStdString(error.hint));
}

void SessionController::startOpenInput()
{
    if (!m_board.document)
        Q_EMIT boardChanged(); // says that it is being opened
    m_jobs->replace(
        "input", m_session.input.path.empty() ? "Reading the text through the model" : "Opening " + m_session.input.path, Lane::Interactive,
        [input = m_session.input](const RunContext& context) { return openWithText(input, context); },
        [this](Result<OpenedInput> opened) {
            if (!opened && opened.error().code == Errc::Cancelled)
                return; // another input took its place, or cancelAll() has said so
            if (!opened) {
                if (m_board.document)
                    m_session.input = m_shownInput; // what is still on the board
                else
                    m_board.failure = opened.error();
                Q_EMIT sessionChanged();
                Q_EMIT boardChanged();
                return fail(opened.error());
            }
            m_shownInput = m_session.input;
            m_board = {};
            m_board.document = opened->document;
            m_inputText = opened->text;
            m_board.approximations.resize(m_session.approximations.size());
            clampToDocument();
            Q_EMIT documentChanged();
            Q_EMIT sessionChanged();
            startLoadLayer();
            // Short inputs are there before a message could be read.
            QTimer::singleShot(kMessageDelayMs, this, [this] {
                if (!m_board.exact)
                    Q_EMIT boardChanged();
            });
        });
}

void SessionController::clampToDocument()
{
    const auto& info = m_board.document->info();
    m_session.layer = std::clamp<Index>(m_session.layer, 0, std::max<Index>(0, static_cast<Index>(info.layerNames.size()) - 1));
    m_session.head.head = std::clamp<Index>(m_session.head.head, 0, info.heads - 1);
    m_session.head.batch = std::clamp<Index>(m_session.head.batch, 0, info.batch - 1);
    for (auto* pin : {&m_session.view.pinnedQuery, &m_session.view.pinnedKey})
        if (*pin && **pin >= info.length)
            pin->reset();
    std::erase_if(m_session.view.morePins, [&](const auto& pin) {
        return std::min(pin.first, pin.second) < 0 || pin.first >= info.length || pin.second >= info.length;
    });
}

void SessionController::startLoadLayer()
{
    if (!m_board.document)
        return;
    m_jobs->cancelSlot("exact");
    m_jobs->replace(
        "layer", "Loading layer " + std::to_string(m_session.layer), Lane::Interactive,
        [document = m_board.document, layer = m_session.layer](const RunContext& context) { return document->layer(layer, context); },
        [this](Result<std::shared_ptr<const LayerInputs>> layer) {
            if (!layer)
                return fail(layer.error());
            m_board.layer = *layer;
            startExact();
        });
}

void SessionController::selectHead()
{
    m_board.head = inputsOf(m_board.layer, m_session.head);
    m_board.head.causal = causal();
}

void SessionController::startExact()
{
    if (!m_board.layer)
        return;
    selectHead();
    m_board.failure.reset();
    m_jobs->replace(
        "exact", "Exact attention", Lane::Interactive,
        [inputs = m_board.head](const RunContext& context) { return evaluateExact(inputs, context); },
        [this](Result<HeadResult> exact) {
            if (!exact && exact.error().code == Errc::Cancelled)
                return;
            m_board.exact.reset();
            m_board.failure.reset();
            if (exact)
                m_board.exact = *exact;
            else
                m_board.failure = exact.error();
            Q_EMIT boardChanged();
            for (std::size_t i = 0; i < m_session.approximations.size(); ++i)
                startApproximation(i);
            if (exact)
                startReferences();
            if (std::exchange(m_thumbnailsWanted, false))
                startThumbnails();
        });
}

void SessionController::startLong(std::size_t index)
{
    if (index < m_board.approximations.size() && m_board.approximations[index].tooLong)
        startApproximation(index, true);
    Q_EMIT boardChanged();
}

void SessionController::startApproximation(std::size_t index, bool evenIfLong)
{
    if (!m_board.exact || index >= m_session.approximations.size())
        return;
    auto& state = m_board.approximations[index];
    state.setting = m_session.approximations[index];
    state.busy = true;
    if (std::exchange(state.tooLong, false))
        state.failure.reset(); // "computing" stands there from now on
    m_jobs->replace(
        slotName("approximation", index), state.setting.id, Lane::Interactive,
        [exact = *m_board.exact, inputs = m_board.head, setting = state.setting, evenIfLong](const RunContext& context) {
            return compareSetting(exact, setting, inputs, evenIfLong, context);
        },
        [this, index](const Result<Outcome>& outcome) {
            if (index >= m_board.approximations.size() || (!outcome && outcome.error().code == Errc::Cancelled))
                return;
            auto& done = m_board.approximations[index];
            if (outcome && outcome->comparison) {
                done.busy = false;
                done.failure.reset();
                done.comparison = outcome->comparison;
                makeError(done);
                startMetrics(m_board.approximations, index, slotName("metrics", index));
            } else {
                done = {done.setting, nullptr, nullptr, std::nullopt, outcome ? *outcome->tooLong : outcome.error(), false, outcome.ok()};
                Q_EMIT metricsChanged();
            }
            Q_EMIT boardChanged();
        });
}

void SessionController::makeError(ApproximationState& state) const
{
    if (!state.comparison)
        return;
    const auto error = makeDifference(state.comparison->approximation.map, state.comparison->exact.map, m_session.view.metric);
    state.error = error ? *error : nullptr;
}

void SessionController::startMetrics(std::vector<ApproximationState>& list, std::size_t index, const std::string& slot)
{
    const auto comparison = list[index].comparison;
    m_jobs->replace(
        slot, "Metrics of " + list[index].setting.id, comparison->exact.map->rows() <= 1024 ? Lane::Interactive : Lane::Background,
        [comparison](const RunContext& context) { return measure(*comparison, context); },
        [this, &list, index, comparison](Result<ComparisonMetrics> metrics) {
            if (index >= list.size() || list[index].comparison != comparison)
                return;
            list[index].metrics.reset();
            if (metrics)
                list[index].metrics = *metrics;
            Q_EMIT metricsChanged();
        });
}

void SessionController::startReferences()
{
    Index rank = kReferenceRank;
    for (const auto& setting : m_session.approximations)
        for (const auto& [key, value] : setting.params)
            if (key == "rank" || key == "features")
                rank = std::max<Index>(1, std::atoll(value.c_str()));
    rank = std::clamp<Index>(rank, 1, std::max<Index>(1, m_board.exact->map->rows() / kRankShare)); // full rank says nothing
    m_board.references.assign(2, {});
    startReference(0, {"uniform", {}, 0});
    startReference(1, {"svd", {{"rank", std::to_string(rank)}}, 0});
}

void SessionController::startReference(std::size_t index, const MethodSetting& setting)
{
    m_board.references[index].setting = setting;
    m_jobs->replace(
        slotName("reference", index), "Reference line " + setting.id, Lane::Background,
        [exact = *m_board.exact, inputs = m_board.head, setting](const RunContext& context) {
            return compareSetting(exact, setting, inputs, false, context);
        },
        [this, index](const Result<Outcome>& outcome) {
            if (!outcome || !outcome->comparison || index >= m_board.references.size())
                return; // a reference line is not worth a long wait
            m_board.references[index].comparison = outcome->comparison;
            startMetrics(m_board.references, index, slotName("referenceMetrics", index));
        });
}

void SessionController::startThumbnails()
{
    const auto document = m_board.document;
    if (!document)
        return;
    m_jobs->replace(
        "thumbnails", "Thumbnails of all heads", Lane::Background,
        [this, document, causal = causal(), batch = m_session.head.batch](const RunContext& context) {
            const auto show = [this, document, &context](int layer, int head, std::shared_ptr<const ScoreSource> map) -> Result<void> {
                const auto stats = headStats(*map, context);
                if (!stats)
                    return stats.error();
                const auto image = makeThumbnail(std::move(map), kThumbnailPixels, colorMap("viridis"), lightPlotTheme(), context);
                if (!image)
                    return image.error();
                QMetaObject::invokeMethod(this, [this, document, layer, head, stats = *stats, picture = *image] {
                    if (document != m_board.document)
                        return;
                    Q_EMIT headMeasured(layer, head, stats);
                    Q_EMIT thumbnailReady(layer, head, picture);
                });
                return {};
            };
            return forEachHeadMap(*document, batch, causal, context, show);
        },
        [](Result<int>) {});
}

} // namespace attnscope
