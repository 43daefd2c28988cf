// SPDX-License-Identifier: GPL-3.0-or-later
// The CPU in bfloat16: exact attention by AVX-512 BF16 or AMX.
#pragma once

#include "core/backend.h"

namespace attnscope {

/// Null where the processor has no such instructions.
const Backend* cpuBf16Backend();

} // namespace attnscope
