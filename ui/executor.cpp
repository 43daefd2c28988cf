// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/executor.h"

#include <QCoreApplication>
#include <QThreadPool>

#include <memory>

namespace attnscope {

namespace {

/// Not the global instance: Qt's own painting shares large translucent areas among that one's threads, and would wait behind tiles.
QThreadPool& tilePool()
{
    static QThreadPool* pool = [] {
        qAddPostRoutine([] { tilePool().waitForDone(); }); // as the global instance does when the application ends
        return new QThreadPool;
    }();
    return *pool;
}

} // namespace

Executor poolExecutor()
{
    return [](std::function<void()> work) { tilePool().start(std::move(work)); };
}

Executor paintExecutor()
{
    auto pool = std::make_shared<QThreadPool>();
    pool->setMaxThreadCount(1);
    return [pool](std::function<void()> work) { pool->start(std::move(work)); };
}

} // namespace attnscope
