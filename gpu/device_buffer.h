// SPDX-License-Identifier: GPL-3.0-or-later
// Owned memory of the current GPU, from a pool that keeps what is given back: a slider that is dragged allocates nothing anew.
#pragma once

#include "gpu/stream.h"

#include <cstddef>
#include <memory>
#include <utility>

namespace attnscope {

class DeviceBuffer {
public:
    DeviceBuffer() = default;
    DeviceBuffer(DeviceBuffer&& other) noexcept
        : m_data(std::exchange(other.m_data, nullptr)), m_bytes(std::exchange(other.m_bytes, 0)), m_stream(std::move(other.m_stream))
    {
    }
    DeviceBuffer& operator=(DeviceBuffer&& other) noexcept
    {
        std::swap(m_data, other.m_data);
        std::swap(m_bytes, other.m_bytes);
        std::swap(m_stream, other.m_stream);
        return *this;
    }
    ~DeviceBuffer()
    {
        if (m_data != nullptr)
            cudaFreeAsync(m_data, m_stream->get()); // after what the stream still does with it
    }

    /// Room for `bytes`, uninitialised, 256-byte aligned, for work on `stream`. OutOfMemory after the pool's spare memory was
    /// given back in vain.
    static Result<DeviceBuffer> allocate(std::size_t bytes, std::shared_ptr<const Stream> stream);

    void* data() const { return m_data; }
    std::size_t bytes() const { return m_bytes; }

private:
    void* m_data = nullptr;
    std::size_t m_bytes = 0;
    std::shared_ptr<const Stream> m_stream;
};

/// Makes the pool of a device keep memory that is freed, up to half of the card.
Result<void> keepFreedMemory(int device);

} // namespace attnscope
