// SPDX-License-Identifier: GPL-3.0-or-later
// A stream and the memory that work on it needs: all of it is given back when the workspace ends.
#pragma once

#include "core/base/tensor.h"
#include "gpu/cuda_device.h"
#include "gpu/device_buffer.h"

#include <span>
#include <type_traits>
#include <vector>

namespace attnscope {

class Workspace {
public:
    /// With a stream of its own on `device`, which becomes the calling thread's device and must outlive the workspace.
    static Result<Workspace> make(const CudaDevice& device);

    cudaStream_t stream() const { return m_stream->get(); }
    const CudaDevice& device() const { return *m_device; }
    Result<void> synchronize(const char* doing) const { return m_stream->synchronize(doing); }

    /// Room for `count` values, uninitialised.
    template <class T>
    Result<T*> take(Index count)
    {
        auto data = takeBytes(static_cast<std::size_t>(count) * sizeof(T));
        if (!data)
            return data.error();
        return static_cast<T*>(*data);
    }

    /// The values on the card; `values` may end as soon as this returns.
    template <class T>
    Result<const std::remove_const_t<T>*> upload(std::span<T> values)
    {
        auto data = uploadBytes(std::as_bytes(values));
        if (!data)
            return data.error();
        return static_cast<const std::remove_const_t<T>*>(*data);
    }

    Result<void*> takeBytes(std::size_t bytes);
    std::size_t bytes() const { return m_bytes; } ///< taken so far

private:
    Workspace(const CudaDevice& device, std::shared_ptr<const Stream> stream) : m_device(&device), m_stream(std::move(stream)) {}
    Result<const void*> uploadBytes(std::span<const std::byte> values);

    const CudaDevice* m_device;
    std::shared_ptr<const Stream> m_stream;
    std::vector<DeviceBuffer> m_buffers;
    std::size_t m_bytes = 0;
};

} // namespace attnscope
