// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/workers.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

#ifdef ATTNSCOPE_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace attnscope {

namespace {

// libtbb is not instrumented, so ThreadSanitizer sees none of the order that it keeps. This file alone is compiled without
// instrumentation too, as TBB's headers are part of the library, and tells what is ordered: what comes before a loop or a queued
// task happened before its body, a loop's bodies before what follows the loop. Two bodies of one loop stay unordered.
#ifdef ATTNSCOPE_THREAD_SANITIZER
void release(void* at) { __tsan_release(at); }
void acquire(void* at) { __tsan_acquire(at); }
#else
void release(void*) {}
void acquire(void*) {}
#endif

struct Loop {
    char begun = 0; ///< its address stands for what comes before the loop
    char ended = 0; ///< and this one for the ends of its bodies
};

/// One call of a loop's body, also where it throws.
class Turn {
public:
    explicit Turn(Loop& loop) : m_loop(loop) { acquire(&m_loop.begun); }
    ~Turn() { release(&m_loop.ended); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    Loop& m_loop;
};

/// The arena of the calling thread's loops. It is kept from loop to loop: workers that find a new one have to be woken first, which
/// takes longer than most loops. A loop within a loop's body gets another one, so that while it waits its thread doesn't begin a
/// further body of the outer loop, whose scratch memory is in use.
class KeptArena {
public:
    template <class F>
    void execute(int threads, F&& body)
    {
        if (m_busy) {
            tbb::task_arena(threads).execute(body);
            return;
        }
        if (!m_arena || m_arena->max_concurrency() != threads)
            m_arena = std::make_unique<tbb::task_arena>(threads);
        m_busy = true;
        const Freed freed{m_busy};
        m_arena->execute(body);
    }

private:
    struct Freed {
        bool& busy;
        ~Freed() { busy = false; }
    };

    std::unique_ptr<tbb::task_arena> m_arena;
    bool m_busy = false;
};

} // namespace

void runOnWorkers(int threads, Index count, void (*body)(const void*, Index), const void* argument)
{
    Loop loop;
    release(&loop.begun);
    // oneTBB warns on stderr where more threads are asked for than the machine has.
    thread_local KeptArena arena;
    arena.execute(std::min(threads, tbb::info::default_concurrency()), [&] {
        tbb::parallel_for(
            tbb::blocked_range<Index>(0, count, 1),
            [&](const tbb::blocked_range<Index>& chunk) {
                for (Index i = chunk.begin(); i != chunk.end(); ++i) {
                    const Turn turn(loop);
                    body(argument, i);
                }
            },
            tbb::simple_partitioner());
    });
    acquire(&loop.ended);
}

struct WorkerLane::Arena {
    tbb::task_arena tasks;
};

WorkerLane::WorkerLane(int workers, Priority priority)
    : m_arena(new Arena{
          tbb::task_arena(workers, 0, priority == Priority::High ? tbb::task_arena::priority::high : tbb::task_arena::priority::low)})
{
}

WorkerLane::~WorkerLane() = default;

void WorkerLane::enqueue(void (*work)(void*), void* argument)
{
    release(argument);
    m_arena->tasks.enqueue([work, argument] {
        acquire(argument);
        work(argument);
    });
}

} // namespace attnscope
