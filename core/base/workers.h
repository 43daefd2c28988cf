// SPDX-License-Identifier: GPL-3.0-or-later
// The tasks that are handed to oneTBB: loops and queued work. All else in core goes through parallelFor and JobQueue.
#pragma once

#include "core/base/shape.h"

#include <memory>

namespace attnscope {

/// Calls body(argument, i) once for each i of [0, count) on at most `threads` threads; returns when all calls have returned.
void runOnWorkers(int threads, Index count, void (*body)(const void* argument, Index i), const void* argument);

/// Workers of their own for queued work.
class WorkerLane {
public:
    enum class Priority { Low, High };

    WorkerLane(int workers, Priority priority);
    ~WorkerLane();
    WorkerLane(const WorkerLane&) = delete;
    WorkerLane& operator=(const WorkerLane&) = delete;

    /// work(argument) is called once, on a worker, after this call's caller wrote what `argument` points to.
    void enqueue(void (*work)(void* argument), void* argument);

private:
    struct Arena;
    std::unique_ptr<Arena> m_arena;
};

} // namespace attnscope
