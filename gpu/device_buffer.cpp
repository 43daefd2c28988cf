// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/device_buffer.h"

#include <algorithm>
#include <cstdint>

namespace attnscope {

namespace {

/// Gives what the current device's pool holds in reserve back to the card; frees that are under way are waited for.
void trimPool()
{
    int device = 0;
    cudaMemPool_t pool = nullptr;
    if (cudaGetDevice(&device) == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess &&
        cudaDeviceGetDefaultMemPool(&pool, device) == cudaSuccess)
        cudaMemPoolTrimTo(pool, 0);
}

} // namespace

Result<DeviceBuffer> DeviceBuffer::allocate(std::size_t bytes, std::shared_ptr<const Stream> stream)
{
    DeviceBuffer buffer;
    buffer.m_stream = std::move(stream);
    buffer.m_bytes = std::max<std::size_t>(bytes, 1);
    auto status = cudaMallocAsync(&buffer.m_data, buffer.m_bytes, buffer.m_stream->get());
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        trimPool();
        status = cudaMallocAsync(&buffer.m_data, buffer.m_bytes, buffer.m_stream->get());
    }
    if (auto done = checkCuda(status, "allocating"); !done) {
        buffer.m_data = nullptr;
        return done.error();
    }
    return buffer;
}

Result<void> keepFreedMemory(int device)
{
    cudaMemPool_t pool = nullptr;
    std::size_t freeBytes = 0;
    std::size_t allBytes = 0;
    if (auto done = checkCuda(cudaDeviceGetDefaultMemPool(&pool, device), "finding the memory pool"); !done)
        return done;
    if (auto done = checkCuda(cudaMemGetInfo(&freeBytes, &allBytes), "asking for the card's memory"); !done)
        return done;
    std::uint64_t keep = allBytes / 2;
    return checkCuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "setting up the memory pool");
}

} // namespace attnscope
