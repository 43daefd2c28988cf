// SPDX-License-Identifier: GPL-3.0-or-later
// The device and the number format that a session asks for, and what this machine has of it.
#pragma once

#include "core/backend.h"
#include "core/session/session.h"

#include <string>
#include <vector>

namespace attnscope {

/// Where something was computed.
struct Place {
    std::string backend = "cpu";
    Dtype dtype = Dtype::F32;

    bool operator==(const Place&) const = default;
    std::string text() const; ///< "f16 · cuda:0"
};

Place placeOf(const Backend& backend);

struct ChosenBackend {
    const Backend* backend = nullptr;
    std::string note; ///< why it is not what was asked for; empty where it is
};

/// The backend that the choice names, in its number format; where it isn't among `backends`, or has no such format, what is nearest: the
/// same device in float32, else the CPU.
ChosenBackend chooseBackend(const std::vector<const Backend*>& backends, const ComputeChoice& choice);

} // namespace attnscope
