// SPDX-License-Identifier: GPL-3.0-or-later
// What kernels need to know of the card they run on.
#pragma once

#include "gpu/cuda_error.h"

#include <cstddef>
#include <string>

namespace attnscope {

struct CudaDevice {
    int index = 0;
    std::string name;
    int major = 0; ///< compute capability
    int minor = 0;
    int multiprocessors = 0;
    std::size_t sharedBytes = 0; ///< that one block may ask for
    std::size_t l2Bytes = 0;
    std::size_t memoryBytes = 0;
    bool hasHopperCode = false; ///< the program was built for sm_90a, and the card runs that part of it

    /// Hopper's own instructions (wgmma, TMA, setmaxnreg) run on 9.0 alone.
    bool isHopper() const { return major == 9 && minor == 0 && hasHopperCode; }

    /// Of device `index`; its memory pool is set up on the way.
    static Result<CudaDevice> find(int index);

    /// Makes it the calling thread's device.
    Result<void> use() const;
};

} // namespace attnscope
