// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/machine.h"

#include <hwy/targets.h>

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace attnscope {

namespace {

std::string processorName()
{
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.rfind("model name", 0) == 0)
            if (const auto colon = line.find(": "); colon != std::string::npos)
                return line.substr(colon + 2);
    return "unknown processor";
}

std::string widestInstructionSet()
{
    const auto targets = hwy::SupportedTargets();
    const std::string name = hwy::TargetName(targets & -targets); // Highway numbers better targets lower
    return name.rfind("AVX3", 0) == 0 ? "AVX-512" : name;         // its name for AVX-512
}

std::string systemName()
{
    utsname name{};
    return uname(&name) == 0 ? std::string(name.sysname) + " " + name.release : "unknown system";
}

} // namespace

const MachineInfo& machineInfo()
{
    static const MachineInfo info{
        processorName(),
        widestInstructionSet(),
        static_cast<int>(std::max(1U, std::thread::hardware_concurrency())),
        static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE)),
        systemName(),
        std::string("GCC ") + __VERSION__,
    };
    return info;
}

} // namespace attnscope
