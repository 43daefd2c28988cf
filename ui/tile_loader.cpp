// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/tile_loader.h"

#include <QMetaObject>
#include <QThread>

#include <algorithm>
#include <map>
#include <mutex>
#include <stop_token>

namespace attnscope {

struct TileLoader::State {
    struct Job {
        const TilePyramid* pyramid;
        TileKey key;
        std::stop_source stop;
    };

    std::mutex mutex;
    TileLoader* owner = nullptr; // null once the loader is gone
    Executor executor;
    std::shared_ptr<TilePyramid> pyramid;
    std::vector<TileKey> waiting;         // the most urgent last
    std::map<std::uint64_t, Job> running; // by the order in which they began
    std::uint64_t next = 0;
    int workers = 0;

    bool isRunning(const TilePyramid* of, const TileKey& key) const
    {
        return std::any_of(running.begin(), running.end(), [&](const auto& entry) {
            const Job& job = entry.second;
            return job.pyramid == of && job.key == key && !job.stop.stop_requested();
        });
    }

    bool isIdle() const { return waiting.empty() && running.empty(); }

    // Called with the mutex held, so that the owner can't go meanwhile.
    template <class Function>
    void tell(Function function)
    {
        if (owner)
            QMetaObject::invokeMethod(owner, function, Qt::QueuedConnection);
    }
};

TileLoader::TileLoader(Executor executor, QObject* parent) : QObject(parent), m_state(std::make_shared<State>())
{
    m_state->owner = this;
    m_state->executor = std::move(executor);
}

TileLoader::~TileLoader()
{
    const std::scoped_lock lock(m_state->mutex);
    m_state->owner = nullptr;
    m_state->waiting.clear();
    for (auto& [id, job] : m_state->running)
        job.stop.request_stop();
}

bool TileLoader::isIdle() const
{
    const std::scoped_lock lock(m_state->mutex);
    return m_state->isIdle();
}

std::size_t TileLoader::remaining() const
{
    const std::scoped_lock lock(m_state->mutex);
    return m_state->waiting.size() + m_state->running.size();
}

void TileLoader::request(std::shared_ptr<TilePyramid> pyramid, std::vector<TileKey> keys)
{
    int start = 0;
    {
        const std::scoped_lock lock(m_state->mutex);
        for (auto& [id, job] : m_state->running)
            if (job.pyramid != pyramid.get() || std::find(keys.begin(), keys.end(), job.key) == keys.end())
                job.stop.request_stop();
        std::erase_if(keys, [&](const TileKey& key) { return m_state->isRunning(pyramid.get(), key); });
        std::reverse(keys.begin(), keys.end());
        m_state->pyramid = std::move(pyramid);
        m_state->waiting = std::move(keys);
        const int most = std::min(std::max(1, QThread::idealThreadCount()), static_cast<int>(m_state->waiting.size()));
        start = std::max(0, most - m_state->workers);
        m_state->workers += start;
    }
    for (int i = 0; i < start; ++i)
        m_state->executor([state = m_state] { work(state); });
}

// One tile, then back to the end of the queue, so that the panes take turns.
void TileLoader::work(const std::shared_ptr<State>& state)
{
    TileKey key;
    std::uint64_t id = 0;
    std::shared_ptr<TilePyramid> pyramid;
    RunContext context;
    context.threads = 1;
    {
        const std::scoped_lock lock(state->mutex);
        if (state->waiting.empty()) {
            --state->workers;
            return;
        }
        key = state->waiting.back();
        state->waiting.pop_back();
        pyramid = state->pyramid;
        std::stop_source stop;
        context.stop = stop.get_token();
        id = state->next++;
        state->running.emplace(id, State::Job{pyramid.get(), key, std::move(stop)});
    }
    const auto tile = pyramid->compute(key, context);
    bool more = false;
    {
        const std::scoped_lock lock(state->mutex);
        state->running.erase(id);
        if (tile.ok())
            state->tell([owner = state->owner] { Q_EMIT owner->tileReady(); });
        else if (tile.error().code != Errc::Cancelled)
            state->tell([owner = state->owner, what = QString::fromStdString(tile.error().what)] { Q_EMIT owner->failed(what); });
        more = !state->waiting.empty();
        if (!more)
            --state->workers;
        if (state->isIdle())
            state->tell([owner = state->owner] { Q_EMIT owner->idle(); });
    }
    if (more)
        state->executor([state] { work(state); });
}

} // namespace attnscope
