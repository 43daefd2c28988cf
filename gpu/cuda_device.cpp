// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_device.h"

#include "gpu/device_buffer.h"
#include "gpu/kernels/hopper_code.h"

namespace attnscope {

Result<CudaDevice> CudaDevice::find(int index)
{
    cudaDeviceProp p{};
    if (auto done = checkCuda(cudaGetDeviceProperties(&p, index), "asking for the card's properties"); !done)
        return done.error();
    CudaDevice device{index,
                      p.name,
                      p.major,
                      p.minor,
                      p.multiProcessorCount,
                      p.sharedMemPerBlockOptin,
                      static_cast<std::size_t>(p.l2CacheSize),
                      p.totalGlobalMem,
                      false};
    if (auto done = device.use(); !done)
        return done.error();
    if (auto done = keepFreedMemory(index); !done)
        return done.error();
    if (auto done = checkCuda(kernels::findHopperCode(device.hasHopperCode), "asking which code the card runs"); !done)
        return done.error();
    return device;
}

Result<void> CudaDevice::use() const { return checkCuda(cudaSetDevice(index), "choosing the device"); }

} // namespace attnscope
