// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/session_controller.h"

#include "core/method/registry.h"
#include "core/session/open_session_input.h"

#include <QFileInfo>

#include <algorithm>

namespace attnscope {

Error cancelledByHand() { return {Errc::Cancelled, "Cancelled.", "Ctrl+R goes on, F5 reads the input again."}; }

SessionController::SessionController(RunContext context, QObject* parent, std::vector<const Backend*> backends)
    : QObject(parent), m_backends(std::move(backends))
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
    const Session before = m_session;
    Session after = m_session;
    change(after);
    const bool sameMap = after.input == before.input && after.layer == before.layer && after.head == before.head;
    if (!sameMap && !after.view.lockRange)
        after.view.range.reset();
    if (after == before)
        return Q_EMIT sessionChanged(); // a control may show what was refused
    apply(after);
    Q_EMIT edited(before, after);
}

void SessionController::restore(const Session& session)
{
    const auto jobs = plan(&m_session, session);
    keepFallback(session);
    m_session = session;
    m_board.approximations.resize(m_session.approximations.size());
    Q_EMIT sessionRestored();
    announce(jobs);
}

void SessionController::apply(const Session& after)
{
    const auto jobs = plan(&m_session, after);
    keepFallback(after);
    m_session = after;
    m_board.approximations.resize(m_session.approximations.size());
    announce(jobs);
}

void SessionController::keepFallback(const Session& after)
{
    if (showsItsInput() && !after.input.opensTheSame(m_session.input))
        m_fallback = m_session;
    else if (m_shownInput.opensTheSame(after.input))
        m_fallback.reset();
}

void SessionController::announce(const std::vector<PlannedJob>& jobs)
{
    m_rests = false;
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
        openSession(*session, path);
        return;
    }
    InputChoice input;
    input.path = file.string();
    openInput(std::move(input));
}

bool SessionController::openSession(const Session& session, const QString& file)
{
    if (!missingPart(session.input).empty()) {
        Q_EMIT inputMissing(session, file);
        return false;
    }
    const Session before = m_session;
    restore(session);
    if (!(before == session))
        Q_EMIT edited(before, session);
    Q_EMIT sessionOpened(file);
    return true;
}

void SessionController::openText(const QString& text)
{
    InputChoice input;
    input.text = text.toStdString();
    openInput(std::move(input));
}

void SessionController::openInput(InputChoice input)
{
    input.model = m_session.input.model;
    if (input.opensTheSame(m_session.input))
        return reload(); // it may have changed, or failed before
    edit([&](Session& session) {
        session.input = std::move(input);
        session.causal.reset();
        session.view.unpin();
    });
}

void SessionController::reload()
{
    m_rests = false;
    run(plan(nullptr, m_session));
}

void SessionController::cancelAll()
{
    m_rests = true;
    for (const auto& job : m_jobs->jobs())
        m_jobs->cancel(job.id);
    if (m_board.exact || m_jobs->idle())
        return;
    m_board.failure = cancelledByHand(); // before the jobs have ended
    Q_EMIT boardChanged();
}

void SessionController::stop(const std::string& slot)
{
    ++m_latest[slot];
    m_jobs->cancelSlot(slot);
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

void SessionController::stepMethod(int step)
{
    std::vector<std::string> ids;
    for (const auto& method : allMethods())
        if (!method->info().exact)
            ids.push_back(method->info().id);
    edit([&](Session& s) {
        if (s.selected >= s.approximations.size())
            return;
        auto& setting = s.approximations[s.selected];
        const auto at = std::find(ids.begin(), ids.end(), setting.id) - ids.begin();
        const auto count = static_cast<std::ptrdiff_t>(ids.size());
        setting = {ids[static_cast<std::size_t>((at + step + count) % count)], {}, setting.seed};
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

} // namespace attnscope
