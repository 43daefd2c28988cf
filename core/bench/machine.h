// SPDX-License-Identifier: GPL-3.0-or-later
// What a measured number must carry: processor, threads, memory, compiler and library versions.
#pragma once

#include <cstdint>
#include <string>

namespace attnscope {

struct MachineInfo {
    std::string processor;      ///< "AMD EPYC 7B13"
    std::string instructionSet; ///< the widest one that the kernels use here: "AVX-512", "AVX2", "SSE4.2", …
    int hardwareThreads = 1;
    std::uint64_t memoryBytes = 0;
    std::string system;   ///< "Linux 6.1.0"
    std::string compiler; ///< "GCC 12.2.0, Release"
};

const MachineInfo& machineInfo();

} // namespace attnscope
