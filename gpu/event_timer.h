// SPDX-License-Identifier: GPL-3.0-or-later
// Times work on the default stream with a pair of CUDA events.
#pragma once

#include "gpu/cuda_error.h"

namespace attnscope {

class EventTimer {
public:
    EventTimer()
    {
        m_status = cudaEventCreate(&m_start);
        if (m_status == cudaSuccess)
            m_status = cudaEventCreate(&m_end);
    }
    ~EventTimer()
    {
        cudaEventDestroy(m_start);
        cudaEventDestroy(m_end);
    }
    EventTimer(const EventTimer&) = delete;
    EventTimer& operator=(const EventTimer&) = delete;

    /// Seconds between the start and the end of what `launch` put on the stream; waits for it.
    template <class Launch>
    Result<double> measure(Launch launch)
    {
        float milliseconds = 0.0F;
        if (m_status == cudaSuccess)
            m_status = cudaEventRecord(m_start);
        if (m_status == cudaSuccess)
            m_status = launch();
        if (m_status == cudaSuccess)
            m_status = cudaEventRecord(m_end);
        if (m_status == cudaSuccess)
            m_status = cudaEventSynchronize(m_end);
        if (m_status == cudaSuccess)
            m_status = cudaEventElapsedTime(&milliseconds, m_start, m_end);
        if (auto done = checkCuda(m_status, "timing a kernel"); !done)
            return done.error();
        return milliseconds / 1000.0;
    }

private:
    cudaEvent_t m_start = nullptr;
    cudaEvent_t m_end = nullptr;
    cudaError_t m_status = cudaSuccess;
};

} // namespace attnscope
