// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/executor.h"

#include <QThreadPool>

#include <memory>

namespace attnscope {

Executor poolExecutor()
{
    return [](std::function<void()> work) { QThreadPool::globalInstance()->start(std::move(work)); };
}

Executor paintExecutor()
{
    auto pool = std::make_shared<QThreadPool>();
    pool->setMaxThreadCount(1);
    return [pool](std::function<void()> work) { pool->start(std::move(work)); };
}

} // namespace attnscope
