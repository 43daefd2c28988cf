// SPDX-License-Identifier: GPL-3.0-or-later
// The rotary part of a config.json, in the older form (rope_theta, rope_scaling) and the newer one (rope_parameters).
#pragma once

#include "core/model/config.h"
#include "core/model/config_fields.h"

namespace attnscope {

/// Problems are left in `fields`.
RopeConfig readRope(ConfigFields& fields, Index headDim, Index maxPositions);

} // namespace attnscope
