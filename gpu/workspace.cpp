// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/workspace.h"

namespace attnscope {

Result<Workspace> Workspace::make(const CudaDevice& device)
{
    if (auto chosen = device.use(); !chosen)
        return chosen.error();
    auto stream = Stream::make();
    if (!stream)
        return stream.error();
    return Workspace(device, *std::move(stream));
}

Result<void*> Workspace::takeBytes(std::size_t bytes)
{
    auto buffer = DeviceBuffer::allocate(bytes, m_stream);
    if (!buffer)
        return buffer.error();
    m_bytes += bytes;
    m_buffers.push_back(*std::move(buffer));
    return m_buffers.back().data();
}

Result<const void*> Workspace::uploadBytes(std::span<const std::byte> values)
{
    auto to = takeBytes(values.size());
    if (!to)
        return to.error();
    // From pageable memory: returns when the values were read.
    if (auto done = checkCuda(cudaMemcpyAsync(*to, values.data(), values.size(), cudaMemcpyHostToDevice, stream()), "copying to the card");
        !done)
        return done.error();
    return static_cast<const void*>(*to);
}

} // namespace attnscope
