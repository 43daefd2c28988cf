// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/steady_memory.h"

#include <cstdlib>
#include <mutex>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace attnscope {

namespace {

std::mutex instancesMutex;
int instances = 0;

void keepFreedMemory(bool keep)
{
#ifdef __GLIBC__
    constexpr int glibcMmapMax = 65536;
    constexpr int trimAfter = 32 << 20;
    mallopt(M_MMAP_MAX, keep ? 0 : glibcMmapMax);
    mallopt(M_TRIM_THRESHOLD, keep ? -1 : trimAfter); // -1: never
    if (!keep)
        malloc_trim(0);
#else
    (void)keep;
#endif
}

} // namespace

SteadyMemory::SteadyMemory()
{
    const std::lock_guard lock(instancesMutex);
    if (instances++ == 0)
        keepFreedMemory(true);
}

SteadyMemory::~SteadyMemory()
{
    const std::lock_guard lock(instancesMutex);
    if (--instances == 0)
        keepFreedMemory(false);
}

} // namespace attnscope
