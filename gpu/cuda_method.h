// SPDX-License-Identifier: GPL-3.0-or-later
// How a method reaches the GPU: a row that says what it supports and prepares its launches. One file in gpu/methods/ per method, named
// as its file in core/methods/; CMake makes the table from that folder.
#pragma once

#include "core/base/dtype.h"
#include "core/method/inputs.h"
#include "core/method/params.h"
#include "gpu/launch.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace attnscope {

/// A further array of the inputs (ExtraArrays) on the card: float32, contiguous, a size of 1 stands for all.
struct DeviceArray {
    const float* data = nullptr;
    std::array<Index, 4> shape{1, 1, 1, 1};
};

/// q [B, H, N, D], k [B, Hkv, M, D], v [B, Hkv, M, Dv], o [B, H, N, Dv] on the card, contiguous, aligned to 256 bytes.
struct DeviceInputs {
    const void* q = nullptr; ///< float for F32 and TF32, 16 bits a number for F16 and BF16; likewise k, v, o
    const void* k = nullptr;
    const void* v = nullptr;
    void* o = nullptr;
    Shape shape;
    Index kvHeads = 1;
    float scale = 1.0F;
    bool causal = false; ///< query i sees the keys j <= i + (M - N)
    Index window = 0;    ///< as in Inputs
    Dtype dtype = Dtype::F32;
    Index firstHead = 0; ///< as in Inputs
    Index layerHeads = 0;
    HeadRef first{};     ///< where its first head stands among those of the run
    bool isPart = false; ///< the memory holds only some of the run's heads, and these are here
    std::map<std::string, DeviceArray, std::less<>> arrays{};
    const Inputs* host = nullptr; ///< the same on the CPU while a run is prepared, for what is fitted to them; likewise:
    const RunContext* context = nullptr;

    const DeviceArray* array(std::string_view name) const
    {
        const auto found = arrays.find(name);
        return found == arrays.end() ? nullptr : &found->second;
    }
};

/// What may be supported or not.
struct CudaQuestion {
    const Shape& shape;
    bool causal = false;
    Dtype dtype = Dtype::F32;
    const CudaDevice& device;
    const Params* params = nullptr; ///< null where the question is whether any parameters are supported
};

/// Puts one run on launch.stream(), and returns before it has ended. May be called again, with other inputs of the same sizes.
using CudaRun = std::function<Result<void>(const DeviceInputs&, Launch&)>;

/// One method's row.
struct CudaMethod {
    std::string_view id; ///< MethodInfo::id

    /// Ok, or Unsupported and why.
    Result<void> (*supports)(const CudaQuestion& question) = nullptr;

    /// What is not timed: scratch, random features, learned matrices, and what a head's parameters are fitted to by the CPU, all in the
    /// workspace, which lives as long as the run. `inputs` tells sizes; its pointers are those of the first run.
    Result<CudaRun> (*prepare)(const DeviceInputs& inputs, const Params& params, Workspace& workspace) = nullptr;

    bool takesWindow = false; ///< keeps to DeviceInputs::window
};

/// The row of a method, or null where the GPU has no kernel for it.
const CudaMethod* findCudaMethod(std::string_view id);

} // namespace attnscope
