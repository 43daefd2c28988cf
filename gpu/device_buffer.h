// SPDX-License-Identifier: GPL-3.0-or-later
// Owned float32 memory of the current GPU, filled from and read back to [B, H, N, D] tensors.
#pragma once

#include "core/base/tensor.h"
#include "gpu/cuda_error.h"

#include <utility>

namespace attnscope {

class DeviceBuffer {
public:
    DeviceBuffer() = default;
    DeviceBuffer(DeviceBuffer&& other) noexcept : m_data(std::exchange(other.m_data, nullptr)) {}
    DeviceBuffer& operator=(DeviceBuffer&& other) noexcept
    {
        std::swap(m_data, other.m_data);
        return *this;
    }
    ~DeviceBuffer() { cudaFree(m_data); }

    /// Room for `count` floats, uninitialised.
    static Result<DeviceBuffer> allocate(Index count)
    {
        DeviceBuffer buffer;
        if (auto done = checkCuda(cudaMalloc(reinterpret_cast<void**>(&buffer.m_data), static_cast<std::size_t>(count) * sizeof(float)),
                                  "allocating");
            !done)
            return done.error();
        return buffer;
    }

    /// The tensor's values, contiguous in [B, H, N, D] order.
    static Result<DeviceBuffer> upload(const TensorView<const float>& tensor)
    {
        auto buffer = allocate(tensor.size());
        if (!buffer)
            return buffer.error();
        const auto width = static_cast<std::size_t>(tensor.cols()) * sizeof(float);
        float* to = buffer->m_data;
        for (Index b = 0; b < tensor.batch(); ++b)
            for (Index h = 0; h < tensor.heads(); ++h, to += tensor.rows() * tensor.cols()) {
                const auto from = tensor.matrix({b, h});
                const auto pitch = static_cast<std::size_t>(from.stride) * sizeof(float);
                const auto status =
                    cudaMemcpy2D(to, width, from.data, pitch, width, static_cast<std::size_t>(from.rows), cudaMemcpyHostToDevice);
                if (auto done = checkCuda(status, "copying to the card"); !done)
                    return done.error();
            }
        return buffer;
    }

    Result<void> download(std::span<float> to) const
    {
        return checkCuda(cudaMemcpy(to.data(), m_data, to.size_bytes(), cudaMemcpyDeviceToHost), "copying from the card");
    }

    float* data() { return m_data; }
    const float* data() const { return m_data; }

private:
    float* m_data = nullptr;
};

} // namespace attnscope
