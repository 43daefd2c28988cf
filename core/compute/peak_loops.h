// SPDX-License-Identifier: GPL-3.0-or-later
// The loops that find out what a processor can do at most: multiply-adds in registers, exponentials, a triad through memory.
#pragma once

#include "core/base/shape.h"

#include <span>

namespace attnscope {

/// Multiply-adds in registers alone, in as many independent chains as keep all units busy. Returns the floating-point operations done
/// (two a multiply-add and lane); `sink` takes a value that depends on all of them, so that none can be left out.
double multiplyAddLoop(Index rounds, float& sink);

/// y = exp(x), with the exponential and the vectors that the kernels use; a multiple of 64 values.
void expLoop(std::span<const float> x, std::span<float> y);

/// a = b + factor c: two streams in and one out.
void triadLoop(std::span<float> a, std::span<const float> b, float factor, std::span<const float> c);

} // namespace attnscope
