// SPDX-License-Identifier: GPL-3.0-or-later
// An owned CUDA stream and an owned CUDA event.
#pragma once

#include "gpu/cuda_error.h"

#include <memory>
#include <utility>

namespace attnscope {

/// Work on it runs in order, and at the same time as that on other streams. Shared by what has work on it.
class Stream {
public:
    /// On the current device.
    static Result<std::shared_ptr<const Stream>> make()
    {
        auto stream = std::shared_ptr<Stream>(new Stream);
        if (auto done = checkCuda(cudaStreamCreateWithFlags(&stream->m_stream, cudaStreamNonBlocking), "making a stream"); !done)
            return done.error();
        return std::shared_ptr<const Stream>(std::move(stream));
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream()
    {
        if (m_stream != nullptr)
            cudaStreamDestroy(m_stream); // what is on it still runs to its end
    }

    cudaStream_t get() const { return m_stream; }
    Result<void> synchronize(const char* doing) const { return checkCuda(cudaStreamSynchronize(m_stream), doing); }

private:
    Stream() = default;
    cudaStream_t m_stream = nullptr;
};

/// A point on a stream that the host can wait for, or measure the time from.
class Event {
public:
    Event() = default;
    Event(Event&& other) noexcept : m_event(std::exchange(other.m_event, nullptr)) {}
    Event& operator=(Event&& other) noexcept
    {
        std::swap(m_event, other.m_event);
        return *this;
    }
    ~Event()
    {
        if (m_event != nullptr)
            cudaEventDestroy(m_event);
    }

    /// Marks where the stream is now.
    cudaError_t record(cudaStream_t stream)
    {
        const auto made = m_event == nullptr ? cudaEventCreate(&m_event) : cudaSuccess;
        return made == cudaSuccess ? cudaEventRecord(m_event, stream) : made;
    }
    /// Waits until the stream has reached the mark; at once where none was ever set.
    cudaError_t wait() const { return m_event == nullptr ? cudaSuccess : cudaEventSynchronize(m_event); }

    /// Seconds between two marks that were both reached.
    static Result<double> secondsBetween(const Event& start, const Event& end)
    {
        float milliseconds = 0.0F;
        if (auto done = checkCuda(cudaEventElapsedTime(&milliseconds, start.m_event, end.m_event), "timing a kernel"); !done)
            return done.error();
        return static_cast<double>(milliseconds) / 1000.0;
    }

private:
    cudaEvent_t m_event = nullptr;
};

} // namespace attnscope
