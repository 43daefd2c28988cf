// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/compute_choice.h"

#include <algorithm>

namespace attnscope {

std::string Place::text() const { return std::string(toString(dtype)) + " · " + backend; }

Place placeOf(const Backend& backend) { return {backend.id(), backend.dtype()}; }

ChosenBackend chooseBackend(const std::vector<const Backend*>& backends, const ComputeChoice& choice)
{
    const auto found = std::find_if(backends.begin(), backends.end(), [&](const Backend* b) { return b->id() == choice.backend; });
    if (found == backends.end()) {
        if (choice.backend == cpuBackend().id())
            return {&cpuBackend(), {}};
        return {&cpuBackend(), "This machine has no " + choice.backend + ", which the session asks for: everything runs on the CPU."};
    }
    const auto inFormat = (*found)->in(choice.dtype);
    if (inFormat)
        return {*inFormat, {}};
    const auto plain = (*found)->in(Dtype::F32);
    return {plain ? *plain : *found, inFormat.error().what};
}

} // namespace attnscope
