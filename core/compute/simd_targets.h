// SPDX-License-Identifier: GPL-3.0-or-later
// Which instruction sets Highway compiles for: include before any other Highway header.
#pragma once

#include <hwy/detect_targets.h>

// Each target costs compile time; these gain nothing for float32 products over their neighbours. Arrays of vectors (the
// register block) need vectors of known size, so the scalable sets are left out.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
