// SPDX-License-Identifier: GPL-3.0-or-later
// While it lives, freed memory stays with the process: repeated runs then reuse touched pages, as in a running model.
#pragma once

namespace attnscope {

/// Fresh pages cost up to 60 us each on virtual machines, which would be measured instead of the method. glibc only;
/// elsewhere it does nothing. Instances may overlap; the last one gives the memory back.
class SteadyMemory {
public:
    SteadyMemory();
    ~SteadyMemory();
    SteadyMemory(const SteadyMemory&) = delete;
    SteadyMemory& operator=(const SteadyMemory&) = delete;
};

} // namespace attnscope
